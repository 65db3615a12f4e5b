# Editors without a screen: emacs, neovim and vim with their child processes.
# needs: emacs nvim vim
# timeout: 120
emacs -Q -nw --batch --eval '(progn (princ (+ 1 2)) (terpri) (princ (shell-command-to-string "echo sub")) (let ((p (start-process "c" nil "cat"))) (set-process-filter p (lambda (p s) (princ s))) (process-send-string p "filter\n") (accept-process-output p 2) (delete-process p)) (with-temp-file "e.txt" (insert "written\n")) (princ (emacs-pid-ok)))' 2>/dev/null; cat e.txt
nvim -u NONE --headless -c 'call writefile([string(6*7), system("echo sys")], "n.txt")' -c 'let j=jobstart(["cat"],{"on_stdout":{j,d,e->d[0]!=""?writefile(d,"j.txt"):0}})' -c 'call chansend(j,["job",""])' -c 'sleep 300m' -c 'lua vim.loop.new_timer():start(10,0,function() io.open("l.txt","w"):write("lua"):close() end)' -c 'sleep 200m' -c 'qa!' 2>/dev/null; cat n.txt j.txt l.txt; echo
vim -u NONE -es -c 'normal ihello' -c 'r !echo from shell' -c 'w v.txt' -c 'q!' ; cat v.txt
