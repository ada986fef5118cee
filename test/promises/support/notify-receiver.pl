#!/usr/bin/perl
# A receiver of sd_notify datagrams that shares nothing with the code under test.
# notify-receiver.pl PATH: prints `bound`, then each datagram in hexadecimal, a line each.
# On stdin: `pause` stops reading, so that the queue fills, `resume` goes on. It ends with stdin.
use strict;
use warnings;
use Socket;

my ($path) = @ARGV;
$| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
bind($socket, sockaddr_un($path)) or die "bind $path: $!";
print "bound\n";
my $paused = 0;
while (1) {
    my $want = '';
    vec($want, fileno(STDIN), 1) = 1;
    vec($want, fileno($socket), 1) = 1 unless $paused;
    select($want, undef, undef, undef);
    if (vec($want, fileno(STDIN), 1)) {
        sysread(STDIN, my $word, 64) or exit 0;
        $paused = $word =~ /pause/ ? 1 : 0;
        print $paused ? "paused\n" : "resumed\n";
        next;
    }
    defined recv($socket, my $datagram, 65536, 0) or die "recv: $!";
    print '=', unpack('H*', $datagram), "\n";
}
