# sink.pl FILE BYTES: reads what flood.pl writes after READY. FILE gets the ms from the first byte to the last, then the
# delay in ms of each line that carries the time when it was written.
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($file, $bytes) = @ARGV;
my ($read, $began, @late) = (0);
sysread STDIN, my $ready, 6;
while ($read < $bytes and my $length = sysread STDIN, my $piece, 256 * 1024) {
    my $now = clock_gettime(CLOCK_MONOTONIC);
    $began //= $now;
    $read += $length;
    push @late, ($now - $1) * 1000 if $length < 1000 and $piece =~ /^(\d+\.\d+) /;
}
open my $out, '>', "$file.new" or die $!;
print $out join ' ', (clock_gettime(CLOCK_MONOTONIC) - $began) * 1000, @late;
close $out;
rename "$file.new", $file or die $!;
1 while sysread STDIN, my $rest, 65536;
