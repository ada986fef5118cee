# Receives sd_notify datagrams and prints each as one line of JSON: {"pid":12,"at":34.5,"text":"READY=1\nSTATUS=up"}.
#
# Perl, so that it shares no code with what it tests: a broken sender and a receiver broken in the same way agree with
# each other. Only perl-base, which every Debian has, and little of it, because it is started a thousand times; so
# recvmsg(2) and clock_gettime(2) are raw calls.
#
# Commands on stdin, each answered by {"done":"COMMAND"}: "pause" stops reading, "resume" continues, "fill" sends to
# itself until its queue is full, "ping" is answered when everything that had arrived is printed. It ends with stdin.
use strict;
use warnings;
use Config;
use Errno qw(EAGAIN EINTR);
use Socket;

my ($recvmsg, $clock_gettime) = $Config{archname} =~ /^aarch64/ ? (212, 113) : (47, 228);    # else x86_64
my ($SO_PASSCRED, $SCM_CREDENTIALS, $MSG_DONTWAIT, $CLOCK_MONOTONIC) = (16, 2, 0x40, 1);

my $path   = shift // die "usage: notify-receiver.pl PATH\n";
$path =~ s/^@/\0/;
my $address = pack_sockaddr_un($path);
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
bind($socket, $address) or die "bind $path: $!\n";
setsockopt($socket, SOL_SOCKET, $SO_PASSCRED, pack('i', 1)) or die "SO_PASSCRED: $!\n";

sub milliseconds {
    my $spec = "\0" x 16;
    syscall($clock_gettime, $CLOCK_MONOTONIC, $spec) == 0 or die "clock_gettime: $!\n";
    my ($seconds, $nanoseconds) = unpack('qq', $spec);
    return $seconds * 1000 + $nanoseconds / 1e6;
}

sub escape {
    my ($bytes) = @_;
    $bytes =~ s/([\x00-\x1f"\\\x7f])/sprintf('\\u%04x', ord $1)/ge;
    return $bytes;
}

sub say_line {
    my $line = "$_[0]\n";
    syswrite(STDOUT, $line) == length $line or die "stdout: $!\n";
}

# One datagram, if there is one. struct msghdr and struct cmsghdr of 64-bit Linux.
sub receive {
    my $data    = "\0" x 8192;
    my $control = "\0" x 64;
    my $iovec   = pack('PQ', $data, length $data);
    my $header  = pack('QLx4PQPQix4', 0, 0, $iovec, 1, $control, length $control, 0);
    my $length  = syscall($recvmsg, fileno($socket), $header, $MSG_DONTWAIT);
    if ($length < 0) { die "recvmsg: $!\n" unless $! == EAGAIN || $! == EINTR; return 0 }
    my (undef, $level, $type, $pid) = unpack('Qiii', $control);
    $pid = 0 unless $level == SOL_SOCKET && $type == $SCM_CREDENTIALS;
    say_line(sprintf '{"pid":%d,"at":%.3f,"text":"%s"}', $pid, milliseconds(), escape(substr $data, 0, $length));
    return 1;
}

sub fill {
    socket(my $sender, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
    connect($sender, $address) or die "connect: $!\n";
    my $count  = 0;
    ++$count while defined send($sender, "X_FILL=$count", $MSG_DONTWAIT);
    die "fill: $!\n" unless $! == EAGAIN;
}

my $paused = 0;
my $input  = '';
say_line('{"done":"bind"}');
while (1) {
    my $ready = '';
    vec($ready, fileno(STDIN),   1) = 1;
    vec($ready, fileno($socket), 1) = 1 unless $paused;
    select($ready, undef, undef, undef) > 0 or next;
    receive() if vec($ready, fileno($socket), 1);
    next unless vec($ready, fileno(STDIN), 1);
    sysread(STDIN, $input, 4096, length $input) or exit 0;
    while ($input =~ s/^(.*)\n//) {
        my $command = $1;
        if    ($command eq 'pause')  { $paused = 1 }
        elsif ($command eq 'resume') { $paused = 0 }
        elsif ($command eq 'fill')   { fill() }
        elsif ($command eq 'ping')   { 1 while !$paused && receive() }
        else                         { die "no such command: $command\n" }
        say_line(qq({"done":"$command"}));
    }
}
