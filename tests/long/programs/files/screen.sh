# Sourced: a shell inside of tmux, which renders what programs draw; keys are sent to it and its screen is read.
export TMUX_TMPDIR=$PWD TERM=xterm HOME=$PWD
t() { tmux -L test -f /dev/null "$@"; }
screen() { t capture-pane -p -t s | sed 's/ *$//' | grep -v '^$'; }
# Waits until the screen shows a text; a screen that never does is shown as it is.
awaits() {
  for i in $(seq 400); do
    screen | grep -q -- "$1" && return
    sleep 0.05
  done
  echo "never shown: $1"
  screen
}
# Waits until the screen does not show a text any more.
awaits_gone() {
  for i in $(seq 400); do
    screen | grep -q -- "$1" || return
    sleep 0.05
  done
  echo "never gone: $1"
  screen
}
keys() { t send-keys -t s "$@"; }
t new-session -d -s s -x 80 -y 24 'PS1="P> " exec bash --norc --noprofile' || exit 9
awaits '^P>'
