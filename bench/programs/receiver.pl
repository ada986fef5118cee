#!/usr/bin/env perl
# receiver.pl SOCKET: prints when READY=1 arrives, on CLOCK_MONOTONIC, the clock of process.hrtime.bigint().
# Perl, not Node, so that nothing that is measured also measures.
use strict;
use warnings;
use Socket;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($path) = @ARGV;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
bind($socket, pack_sockaddr_un($path)) or die "bind $path: $!";
$| = 1;
print "listening\n";
while (defined recv($socket, my $datagram, 4096, 0)) {
    my $now = clock_gettime(CLOCK_MONOTONIC);
    printf "ready %.6f\n", $now * 1000 if $datagram =~ /^READY=1$/m;
}
