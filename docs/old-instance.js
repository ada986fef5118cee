/** Two checks of a port that an old instance still holds. */
import { arrow, box, group, MARGIN, paragraph, picture, text } from './drawing.js';

const WIDTH = 402;
const STEP = 418;
const CHECK = { y: 94, height: 44 };
const PROCESS = { y: 208, height: 58, width: 176 };
const VERDICT = { y: 318, height: 60 };

export function drawOldInstance() {
  return picture(
    {
      title: 'A port held by the old instance',
      desc:
        'An old process still answers on port 3000, and the new app does not listen yet. curl and wait-on report ' +
        'success. sd-ready-wrap sees that the socket belongs to another process, reports it, and waits.',
      height: 432,
    },
    [
      text(MARGIN, 32, 'The old instance still answers on port 3000: is the new app ready?', 'title'),
      ...draw(MARGIN, {
        title: 'A check of the port alone',
        check: ['`curl`, `wait-on`, `nc`', 'bold'],
        verdict: ['Reports success', 'The old instance answered. The new app does not serve.', 'red'],
      }),
      ...draw(MARGIN + STEP, {
        title: 'A check of the port and of its holder',
        check: ['`sd-ready-wrap --tcp 3000`', 'bold'],
        owner: true,
        verdict: ['Not ready: pid 71 holds port 3000', 'Waits. READY=1 follows once the app itself accepts.', 'green'],
      }),
      ...paragraph(
        MARGIN,
        414,
        'The same holds for `--http`, `--unix`, `--listen` and auto. The log and `systemctl status` name the holder.',
        'quiet',
      ),
    ],
  );
}

function draw(x, { title, check, owner, verdict: [found, reason, classes] }) {
  const middle = x + WIDTH / 2;
  const bottom = CHECK.y + CHECK.height;
  const [old, app] = [x + 12, x + WIDTH - 12 - PROCESS.width];
  const half = PROCESS.width / 2;
  return [
    group({ x, y: 52, width: WIDTH, height: 338 }, title),
    box({ ...CHECK, x: middle - 120, width: 240, classes: 'blue' }, [check]),
    arrow([old + half, bottom], [old + half, PROCESS.y]),
    arrow([old + half + 14, PROCESS.y], [old + half + 14, bottom]),
    text(old + half - 8, 178, 'connects', 'quiet end'),
    text(old + half + 22, 178, 'answers', 'quiet'),
    ...(owner
      ? [
          arrow([app + half, bottom], [app + half, PROCESS.y]),
          text(app + half + 8, 168, 'holds the', 'quiet'),
          text(app + half + 8, 184, 'socket? No', 'quiet'),
        ]
      : []),
    box({ ...PROCESS, x: old, classes: 'amber' }, [
      ['old instance, pid 71', 'bold'],
      ['listens on port 3000', 'small'],
    ]),
    box({ ...PROCESS, x: app, classes: 'plain' }, [
      ['new app, pid 99', 'bold'],
      ['does not listen yet', 'small'],
    ]),
    arrow([middle, bottom], [middle, VERDICT.y]),
    box({ ...VERDICT, x: x + 12, width: WIDTH - 24, classes }, [
      [found, 'bold'],
      [reason, 'small'],
    ]),
  ];
}
