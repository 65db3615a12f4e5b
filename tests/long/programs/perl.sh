# needs: perl
# timeout: 120
perl - <<'X'
use Test::More;
use Fcntl qw(:flock :seek);
use File::Temp qw(tempfile);
use IO::Select;
use IPC::Open3;
use POSIX;
use Socket;
use Storable qw(dclone);
use threads;
use threads::shared;
my $count : shared = 0;
my @threads = map { threads->create(sub { for (1 .. 500) { lock $count; $count++ } return 7 }) } 1 .. 4;
is($_->join, 7) for @threads;
is($count, 2000);
my $pid = open3(my $in, my $out, undef, 'cat; exit 3');
print $in "text\n";
close $in;
is(<$out>, "text\n");
is(waitpid($pid, 0), $pid);
is($? >> 8, 3);
is(dclone({ a => [1, 2] })->{a}[1], 2);
local $SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1; select undef, undef, undef, 20 };
is($@, "alarm\n");
my ($file, $name) = tempfile(UNLINK => 1);
ok(flock($file, LOCK_EX | LOCK_NB));
open my $other, '<', $name;
ok(!flock($other, LOCK_EX | LOCK_NB));
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC);
if (!fork) { syswrite $b, 'from a child'; POSIX::_exit(0) }
is(scalar(() = IO::Select->new($a)->can_read(20)), 1);
sysread $a, my $text, 100;
is($text, 'from a child');
is(wait() > 0, 1);
is((POSIX::uname())[0], 'Linux');
done_testing;
X
