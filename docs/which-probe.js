/** Which probe fits an app: questions from the top down, with the option to use at the first "yes". */
import { arrow, box, MARGIN, paragraph, picture, text } from './drawing.js';

/** A question, and the boxes of its "yes". */
const ROWS = [
  [
    'Does the app send `READY=1` itself (sd_notify)?',
    ['`--notify`', 'from any process of the app, by any sd_notify client'],
  ],
  ['Do you want to change the app for this?', ['`--notify`', 'let it call `ready()` of `sd-ready-wrap/client`']],
  ["Does it call `process.send('ready')`, as for PM2?", ['`--ipc`', 'the command is node, bun or tsx; not npm or npx']],
  [
    'Does it serve HTTP, with a path for health checks?',
    ['`--http http://127.0.0.1:3000/health`', 'the app answers with a status from 200 to 399'],
  ],
  [
    'Does it open its TCP port only when it can serve?',
    ['`--tcp 3000`', 'the port is fixed'],
    ['no option (auto)', 'the port may change'],
  ],
  ['Does it listen on a Unix socket?', ['`--unix /run/shop/shop.sock`', 'the app accepts a connection']],
  [
    'Does it print a line when it is ready?',
    ["`--stdout '^listening on '`", 'or `--stderr`; `--output` watches both streams'],
  ],
  ['Does it write a file when it is ready?', ['`--file /run/shop/ready`', 'the file is newer than the start']],
  ['Can a command check it?', ["`--exec './check.sh'`", 'the command exits with 0']],
];
const LAST = ['`--delay 10s`', 'the app still runs after this time'];

const QUESTION = { x: MARGIN, width: 372, height: 46 };
const ANSWER = { x: 450, width: 390 };
const GAP = 10;
const TOP = 52;
const STEP = 66;

export function drawWhichProbe() {
  const middle = QUESTION.x + QUESTION.width / 2;
  const rows = ROWS.flatMap(([question, ...answers], index) => {
    const y = TOP + index * STEP;
    const width = (ANSWER.width - GAP * (answers.length - 1)) / answers.length;
    return [
      box({ ...QUESTION, y }, [question]),
      arrow([QUESTION.x + QUESTION.width, y + 23], [ANSWER.x, y + 23]),
      text(405, y + 17, 'yes', 'quiet'),
      ...answers.map(([option, meaning], at) =>
        box({ x: ANSWER.x + at * (width + GAP), y, width, height: QUESTION.height, classes: 'blue' }, [
          [option, 'bold'],
          [meaning, 'small'],
        ]),
      ),
      arrow([middle, y + QUESTION.height], [middle, y + STEP]),
      text(middle + 8, y + QUESTION.height + 14, 'no', 'quiet'),
    ];
  });
  const end = TOP + ROWS.length * STEP;
  return picture(
    {
      title: 'Which readiness probe fits the app?',
      desc: [...ROWS.map(([question, ...answers]) => `${question} ${answers.map(([option]) => option).join('; ')}.`)]
        .concat(`Otherwise: ${LAST[0]}.`)
        .join(' ')
        .replaceAll('`', ''),
      height: end + QUESTION.height + 44,
    },
    [
      text(MARGIN, 32, 'Which readiness probe? Take the first "yes".', 'title'),
      ...rows,
      box({ ...QUESTION, y: end, classes: 'amber' }, [
        [LAST[0], 'bold'],
        [LAST[1], 'small'],
      ]),
      ...paragraph(
        MARGIN,
        end + QUESTION.height + 26,
        'You can combine probes, with `--ready-when all` (the default) or `any`. Others: `--fd`, `--listen`.',
        'quiet',
      ),
    ],
  );
}
