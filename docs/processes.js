/** The processes of a unit: while the app starts, after READY=1, and after a handoff. */
import { arrow, box, group, MARGIN, paragraph, picture, text } from './drawing.js';

const WIDTH = 264;
const STEP = 278;
const SYSTEMD = { y: 78, height: 36 };
const UNIT = { y: 164, height: 214 };
const WRAPPER = { y: 196, height: 48 };
const LOWER = { y: 306, height: 52 };
const CAPTION = 402;

const PANELS = [
  {
    title: '1. Before READY=1',
    wrapper: 'runs the probe',
    down: 'starts',
    up: 'STATUS=',
    app: ['the app', 'starts'],
    between: 'starts, probes',
    caption:
      '`systemctl start` waits. With a log probe the wrapper also reads the stream that it watches. ' +
      'With `--handoff` the app has a parent of its own, unshare(1).',
  },
  {
    title: '2. After READY=1',
    wrapper: "waits for the app's end",
    down: 'signals',
    up: 'READY=1',
    app: ['the app', 'serves'],
    between: 'signals',
    cat: true,
    caption:
      '`systemctl start` has returned. The wrapper forwards signals, and ends as the app ends. ' +
      '`cat` is there only after a log probe: it relays the stream.',
  },
  {
    title: '3. After READY=1 with `--handoff`',
    down: 'signals',
    up: 'exit status',
    app: ['the app = Main PID', 'serves'],
    caption:
      'The wrapper has sent `MAINPID=` and `READY=1` in one message, and has left. ' +
      'The app is the main process, and the only process of the unit.',
  },
];

export function drawProcesses() {
  const footer =
    'The canary is a small shell. It shows which signals were sent to the whole unit. Those have already reached the ' +
    'app, and the wrapper does not forward them.';
  return picture(
    {
      title: 'The processes of a unit',
      desc:
        'Before READY=1: the wrapper is the main process, and the app and the canary are its children. After it: the ' +
        'same, and a cat if a log probe watched a stream. With --handoff: the app alone, as the main process.',
      height: 534,
    },
    [
      text(MARGIN, 32, 'The processes of a unit, and which of them sends READY=1', 'title'),
      ...PANELS.flatMap((panel, index) => draw(panel, MARGIN + index * STEP)),
      ...paragraph(MARGIN, 496, footer, 'quiet'),
    ],
  );
}

function draw({ title, wrapper, down, up, app, between, cat, caption }, x) {
  const [left, right] = [x + 92, x + 172];
  const target = wrapper ? WRAPPER.y : LOWER.y;
  const appWidth = wrapper ? 112 : 172;
  const appX = wrapper ? x + 12 : x + 46;
  const sh = { ...LOWER, x: x + (cat ? 132 : 152), width: cat ? 66 : 100 };
  return [
    text(x, 64, title, 'bold'),
    box({ ...SYSTEMD, x: x + 62, width: 140 }, ['systemd']),
    group({ ...UNIT, x, width: WIDTH }, 'the unit'),
    arrow([left, SYSTEMD.y + SYSTEMD.height], [left, target]),
    arrow([right, target], [right, SYSTEMD.y + SYSTEMD.height]),
    text(left - 8, 146, down, 'quiet end'),
    text(right + 8, 146, up, up === 'READY=1' ? 'bold' : 'quiet'),
    box({ ...LOWER, x: appX, width: appWidth, classes: 'green' }, [
      [app[0], 'bold'],
      [app[1], 'small'],
    ]),
    ...(wrapper
      ? [
          box({ ...WRAPPER, x: x + 20, width: 224, classes: 'blue' }, [
            ['sd-ready-wrap = Main PID', 'bold'],
            [wrapper, 'small'],
          ]),
          arrow([x + 68, WRAPPER.y + WRAPPER.height], [x + 68, LOWER.y]),
          text(x + 76, 280, between, 'quiet'),
          arrow([sh.x + sh.width / 2, WRAPPER.y + WRAPPER.height], [sh.x + sh.width / 2, LOWER.y]),
          box(sh, ['`sh`', ['canary', 'small']]),
        ]
      : []),
    cat && arrow([x + 228, WRAPPER.y + WRAPPER.height], [x + 228, LOWER.y]),
    cat && box({ ...LOWER, x: x + 206, width: 46, classes: 'plain group' }, ['`cat`']),
    ...paragraph(x, CAPTION, caption, 'small', WIDTH),
  ];
}
