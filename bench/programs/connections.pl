# Holds COUNT TCP connections on loopback, both ends of each, in WORKERS processes. Prints `ready` when all are open,
# and drops them when standard input ends.
use strict;
use warnings;
use Socket;

my ($count, $workers) = @ARGV;
$| = 1;
my @ready;
for my $worker (1 .. $workers) {
    pipe my $reader, my $writer or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid) { close $writer; push @ready, $reader; next }
    # one address per worker: a single address does not have enough ports
    my $host = inet_aton("127.0.9.$worker");
    socket my $server, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
    bind $server, pack_sockaddr_in(0, $host) or die "bind: $!";
    listen $server, 100 or die "listen: $!";
    my $address = getsockname $server;
    my @held;
    for (1 .. $count / $workers) {
        socket my $client, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
        connect $client, $address or die "connect: $!";
        accept my $peer, $server or die "accept: $!";
        # end with a reset, which leaves no TIME_WAIT behind
        setsockopt $client, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 or die "setsockopt: $!";
        push @held, $client, $peer;
    }
    syswrite $writer, "x";
    sysread STDIN, my $end, 1;
    exit;
}
for (@ready) { sysread $_, my $byte, 1 or die "a worker failed\n" }
print "ready\n";
sysread STDIN, my $end, 1;
1 while wait != -1;
