# flood.pl MARKER BYTES BLOCK PAUSE: prints READY, waits until the file MARKER exists, writes BYTES of log lines, and
# ends when MARKER is removed. It writes BLOCK bytes at a time (0: one line, which begins with the moment in seconds of
# CLOCK_MONOTONIC), with PAUSE ms in between.
use strict;
use warnings;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

my ($marker, $bytes, $block, $pause) = @ARGV;
my $line = "GET /index.html 200 1234 bytes in 12 ms, as an access log has it\n";
my $text = $line x ($block / length($line) + 1);
syswrite STDOUT, "READY\n";
sleep 0.005 until -e $marker;
while ($bytes > 0) {
    my $piece = sprintf('%.6f ', clock_gettime(CLOCK_MONOTONIC)) . $line;
    $piece = substr $text, 0, $block if $block;
    $bytes -= syswrite(STDOUT, $piece) // die $!;
    sleep $pause / 1000 if $pause;
}
sleep 0.005 while -e $marker;
