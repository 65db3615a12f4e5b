# Ruby: threads, fork, sockets, pipes, fibers, processes, files.
# needs: ruby
# timeout: 120
cat >t.rb <<'X'
require 'socket'; require 'open3'; require 'tempfile'; require 'digest'; require 'etc'; require 'io/console'
q = Queue.new; ts = 4.times.map { |i| Thread.new { 1000.times { |k| q << i*k } } }; ts.each(&:join); puts q.size
s = TCPServer.new('127.0.0.1', 0); t = Thread.new { c = s.accept; c.puts c.gets.upcase; c.close }
c = TCPSocket.new('127.0.0.1', s.addr[1]); c.puts 'hello'; puts c.read; t.join
a, b = IO.pipe; pid = fork { trap('TERM') { exit 3 }; b.close; sleep }; b.close; a.read; Process.kill('TERM', pid); Process.wait pid; puts $?.exitstatus
puts Open3.capture3('cat; echo err >&2; exit 4', stdin_data: 'in').map(&:inspect).join(' ').sub(/pid \d+/, 'pid')
r, w = IO.pipe; if fork then w.close; puts r.read; Process.wait else r.close; w.write 'child'; exit! end
puts Ractor.new { 6 * 7 }.take rescue puts 'no ractor'
f = Fiber.new { Fiber.yield 1; 2 }; p f.resume, f.resume
Tempfile.create('x') { |x| x.write 'a' * 10000; x.flush; puts Digest::SHA256.file(x.path); puts x.flock(File::LOCK_EX) }
p Dir.glob('/usr/lib/ruby/**/*.rb').size > 100, Etc.getpwuid(0).name, Process.clock_gettime(Process::CLOCK_MONOTONIC) > 0
begin; File.open('/nonexist'); rescue => e; puts e.class; end
GC.start; puts GC.count > 0; puts Process.getrlimit(:CORE).size
at_exit { puts 'bye' }; abort 'aborting'
X
ruby t.rb; echo $?
