# Full-screen programs inside of tmux, which renders them: what is on the screen after each key is the same natively and under skas.
. files/screen.sh
keys 'stty size; tty | sed s/[0-9]*$//' Enter
awaits '^/dev/pts'
screen
seq 1 500 >numbers
keys 'clear; less numbers' Enter
awaits '^numbers'
screen | tail -3
keys G
awaits END
screen | head -2
keys /25 Enter
keys g
awaits '^20$'
keys q
awaits '^P>'
if [ -n "$(command -v vim)" ]; then
  keys 'clear; vim -u NONE -N notes' Enter
  awaits '^~'
  keys ione Enter two Enter three Escape :2 Enter
  keys yyp :%s/t/T/ Enter
  awaits '^Two'
  screen
  t resize-window -t s -x 60 -y 12
  keys :set Space columns? Space lines? Enter
  awaits 'columns=60'
  screen | tail -2
  t resize-window -t s -x 80 -y 24
  keys :wq Enter
  awaits '^P>'
  cat notes
  # Suspended and brought back.
  keys 'clear; vim -u NONE -N notes' Enter
  awaits '^Three'
  keys C-z
  awaits Stopped
  keys 'jobs | wc -l; fg' Enter
  awaits '^Three'
  keys :q! Enter
  awaits '^P>'
fi
if [ -n "$(command -v nano)" ]; then
  keys 'clear; nano -I notes' Enter
  awaits 'Exit'
  keys hello Enter C-o Enter
  awaits Wrote
  keys C-x
  awaits '^P>'
  cat notes
fi
keys 'clear; echo ready; cat >/dev/null' Enter
awaits '^ready'
keys 'typed' C-c
awaits 'C$'
awaits '^P>'
keys 'clear; echo sleeping; sleep 100' Enter
awaits '^sleeping'
keys C-z
awaits Stopped
keys 'kill %1; wait; clear; echo gone' Enter
awaits '^gone'
t split-window -t s -d 'sleep 100'
t list-panes -t s -F '#{pane_width}x#{pane_height} #{pane_current_command}'
t kill-pane -t s.1
keys 'exit 3' Enter
for i in $(seq 200); do t has-session -t s 2>/dev/null || break; sleep 0.05; done
t has-session -t s 2>&1 | sed 's/(.*)//; s#/.*/#/#'
