# htop inside of tmux: the processes of a filter, as a list and as a tree, one of them killed from its menu.
# needs: tmux htop
# timeout: 120
. files/screen.sh
# Waits until the rows are those of these markers: a screen may be seen while it is drawn.
rows() {
  for i in $(seq 400); do
    shown=$(screen | grep -o 'mark[e]r-[a-z]*' | sort -u | tr '\n' ' ')
    [ "$shown" = "$1" ] && break
    sleep 0.05
  done
  echo "rows: $shown"
}
for name in one two; do (exec -a marker-$name sleep 1000) & done
set -m
(exec -a marker-tree bash -c 'sleep 1000 & wait; :') &
tree=$!
set +m
keys 'clear; htop -C -d 3' Enter
awaits F10Quit
screen | grep -o -e 'Tasks:' -e 'Load average:' -e 'Uptime:' -e 'Mem\[' -e 'PID.*USER' | sed 's/  */ /g' | sort
keys F4
awaits Filter:
keys -l marker-
keys Enter
awaits_gone 'systemd\|--norc'
rows 'marker-one marker-tree marker-two '
keys t
awaits F5List
keys t
awaits F5Tree
keys F3
awaits Search:
keys -l marker-two
awaits 'mark[e]r-two'
keys Enter F9
awaits SIGTERM
screen | grep -o 'Send signal:'
keys Enter
awaits_gone 'mark[e]r-two'
rows 'marker-one marker-tree '
keys F6
awaits 'Sort by'
keys Escape
awaits_gone 'Sort by'
keys F2
awaits 'Display options'
screen | grep -o -e Meters -e Colors -e Columns | sort -u
keys F10
awaits_gone 'Display options'
keys q
awaits '^P>'
keys 'clear; echo ended' Enter
awaits '^ended'
keys exit Enter
for i in $(seq 400); do t has-session -t s 2>/dev/null || break; sleep 0.05; done
kill %1
kill -- -$tree
wait
