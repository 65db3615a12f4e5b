# Lua, Tcl, Guile, SBCL, OCaml, Erlang and R: what each asks of a system.
# needs: lua5.4 tclsh guile sbcl ocaml erl Rscript
# timeout: 180
lua5.4 - 2>&1 <<'END'
local t = {} for i = 1, 100000 do t[i] = i end
print(#t, os.time() > 0, io.popen("echo popen"):read("a"), os.execute("exit 3"))
print(pcall(error, "x"), os.tmpname():match("^/tmp"), io.open("/none"))
os.exit(4)
END
echo $?
tclsh <<'END'
set f [open "|cat" r+]; puts $f hi; flush $f; puts [gets $f]; close $f
puts [exec echo a b | tr a-z A-Z]; puts [clock format 0 -gmt 1]; puts [catch {exec false}]
proc serve {c a p} { puts $c [string toupper [gets $c]]; close $c }
set s [socket -server serve -myaddr 127.0.0.1 0]
set c [socket 127.0.0.1 [lindex [fconfigure $s -sockname] 2]]; puts $c tcp; flush $c
fileevent $c readable {puts [gets $c]; set x 1}
vwait x; after 50 {set x 2}; vwait x; puts done
END
cat >t.scm <<'END'
(use-modules (ice-9 threads) (ice-9 popen) (ice-9 rdelim))
(display (par-map (lambda (x) (* x x)) (iota 10))) (newline)
(display (read-line (open-input-pipe "echo piped"))) (newline)
(display (status:exit-val (system* "sh" "-c" "exit 7"))) (newline)
END
guile --no-auto-compile -q t.scm 2>/dev/null
cat >t.lisp <<'END'
(print (loop for i below 100000 sum i))
(let ((threads (loop for i below 4 collect (sb-thread:make-thread (lambda () (dotimes (k 1000) (make-array 1000)) :made)))))
  (print (mapcar #'sb-thread:join-thread threads)))
(gc :full t)
(print (handler-case (sb-ext:with-timeout 0.2 (loop)) (sb-ext:timeout () :timeout)))
(print (sb-ext:process-exit-code (sb-ext:run-program "/bin/sh" '("-c" "exit 5"))))
(terpri)
END
sbcl --script t.lisp 2>/dev/null
cat >t.ml <<'END'
let () =
  let r, w = Unix.pipe () in
  match Unix.fork () with
  | 0 -> ignore (Unix.write_substring w "child" 0 5); exit 0
  | _ ->
    let b = Bytes.create 5 in
    ignore (Unix.read r b 0 5);
    print_endline (Bytes.to_string b);
    ignore (Unix.wait ());
    Sys.set_signal Sys.sigint (Sys.Signal_handle (fun _ -> print_endline "interrupted"));
    Unix.kill (Unix.getpid ()) Sys.sigint;
    let rec deep n = 1 + deep (n + 1) in
    (try ignore (deep 0) with Stack_overflow -> print_endline "overflow");
    Gc.compact ();
    exit 3
END
ocamlopt -I +unix unix.cmxa t.ml -o native 2>/dev/null && ./native; echo $?
ocamlc -I +unix unix.cma t.ml -o bytes 2>/dev/null && ./bytes; echo $?
cat >t.erl <<'END'
-module(t).
-export([main/0]).
main() ->
  Self = self(),
  [spawn(fun() -> Self ! {X, lists:sum(lists:seq(1, X))} end) || X <- lists:seq(1, 1000)],
  io:format("~p~n", [lists:sum([receive {X, V} -> V end || X <- lists:seq(1, 1000)])]),
  io:format("~s", [os:cmd("echo cmd")]),
  {ok, L} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}, {active, false}]),
  {ok, Port} = inet:port(L),
  spawn(fun() -> {ok, C} = gen_tcp:connect({127, 0, 0, 1}, Port, []), gen_tcp:send(C, "tcp") end),
  {ok, A} = gen_tcp:accept(L),
  io:format("~p~n", [gen_tcp:recv(A, 0)]),
  {ok, Bytes} = file:read_file("t.erl"),
  io:format("~p~n", [byte_size(Bytes) > 100]),
  halt(3).
END
erlc t.erl && erl -noshell -s t main; echo $?
Rscript -e 'x <- 1:100; cat(sum(x), var(x), "\n"); set.seed(1); m <- matrix(runif(250000), 500); cat(max(abs(m %*% solve(m) - diag(500))) < 1e-6, "\n")
  cat(system("echo sys", intern = TRUE), "\n"); library(parallel); print(unlist(mclapply(1:4, function(i) i^2, mc.cores = 2)))
  cl <- makeCluster(2); print(parSapply(cl, 1:4, function(i) i + 1)); stopCluster(cl); quit(status = 6)' 2>&1
echo $?
