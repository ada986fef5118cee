/** The port during a restart, and during a deploy by swap.sh. */
import { arrow, box, MARGIN, paragraph, picture, text, WIDTH } from './drawing.js';

const LEFT = 142;
/** The end of the time axis, which has no unit. */
const END = 10;
const BAR = 28;
const STEP = 36;

const x = (time) => LEFT + (time / END) * (WIDTH - MARGIN - LEFT);

/** Each lane: its name, and its bars from, to, colour and words. */
const RESTART = [
  ['old process', [0, 2, 'green', 'serves'], [2, 3, 'plain', 'stops']],
  ['new process', [3, 5.8, 'amber', 'loads'], [5.8, 10, 'green', 'serves']],
  ['port 3000', [0, 2, 'green', 'accepts'], [2, 5.8, 'red', 'refuses connections'], [5.8, 10, 'green', 'accepts']],
];
const SWAP = [
  ['swap.socket', [0, 10, 'blue', 'systemd holds port 3000 all the time']],
  ['swap@a', [0, 6, 'green', 'serves'], [6, 7.6, 'plain', 'finishes, stops']],
  ['swap@b', [2, 5.8, 'amber', 'loads'], [5.8, 10, 'green', 'serves']],
  ['port 3000', [0, 10, 'green', 'accepts every connection']],
];

export function drawDeploy() {
  const restart = 76;
  const swap = restart + RESTART.length * STEP + 54;
  const end = swap + SWAP.length * STEP;
  return picture(
    {
      title: 'A restart, and a deploy that refuses no connection',
      desc:
        'systemctl restart: the port refuses connections from the stop of the old process until the new process ' +
        'listens. swap.sh: systemd holds the port, swap@a serves until swap@b is ready, and the port accepts every ' +
        'connection.',
      height: end + 76,
    },
    [
      text(MARGIN, 32, 'A restart refuses connections, a swap does not', 'title'),
      ...panel('`systemctl restart shop`', RESTART, restart, [
        [2, 'SIGTERM'],
        [6, 'READY=1'],
      ]),
      ...panel('`swap.sh swap@`', SWAP, swap, [
        [2, 'starts swap@b'],
        [6, 'READY=1, then SIGTERM to swap@a'],
      ]),
      arrow([LEFT, end + 14], [WIDTH - MARGIN, end + 14]),
      text(WIDTH - MARGIN, end + 32, 'time, not to scale', 'quiet end'),
      ...paragraph(
        MARGIN,
        end + 56,
        'At SIGTERM the app has to answer the requests that it has accepted. If swap@b does not become ready, ' +
          'swap@a serves on.',
        'quiet',
      ),
    ],
  );
}

function panel(title, lanes, top, marks) {
  return [
    text(MARGIN, top - 8, title, 'bold'),
    // before the bars, so that no mark crosses the text of a bar
    ...marks.map(
      ([time, words]) =>
        `<path class="line" d="M${x(time)} ${top - 18}V${top + lanes.length * STEP + 4}"/>\n` +
        text(x(time) + 6, top - 8, words, 'quiet'),
    ),
    ...lanes.flatMap(([name, ...bars], index) => {
      const y = top + index * STEP + 8;
      return [
        text(LEFT - 12, y + 19, name, 'end'),
        ...bars.map(([from, to, classes, words]) =>
          box({ x: x(from), y, width: x(to) - x(from), height: BAR, classes }, [words]),
        ),
      ];
    }),
  ];
}
