# flood.pl SIGN BYTES BLOCK PAUSE: says READY, waits until the file SIGN is there, writes BYTES of log lines, BLOCK
# bytes at a time (0: a line, which begins with the moment, seconds of CLOCK_MONOTONIC) and PAUSE ms in between, and
# ends when SIGN is gone.
use strict;
use warnings;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

my ($sign, $bytes, $block, $pause) = @ARGV;
my $line = "GET /index.html 200 1234 bytes in 12 ms, as an access log has it\n";
my $text = $line x ($block / length($line) + 1);
syswrite STDOUT, "READY\n";
sleep 0.005 until -e $sign;
while ($bytes > 0) {
    my $piece = sprintf('%.6f ', clock_gettime(CLOCK_MONOTONIC)) . $line;
    $piece = substr $text, 0, $block if $block;
    $bytes -= syswrite(STDOUT, $piece) // die $!;
    sleep $pause / 1000 if $pause;
}
sleep 0.005 while -e $sign;
