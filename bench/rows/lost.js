/**
 * Lost starts: the app runs and sent READY=1, but systemd did not accept it. The sender was not the main process
 * (NotifyAccess=main), or had ended before systemd looked up its unit (NotifyAccess=all).
 */
import fs from 'node:fs';
import path from 'node:path';
import { REPOSITORY, until } from '../../test/helpers/systemd/private-systemd.js';
import { figure, missing } from '../figures.js';
import { onPath } from '../peers/find.js';
import { withSystemd } from '../units.js';

/** How many at a time: fewer than the machine can start within a second or two. */
const AT_ONCE = 25;
/**
 * From the last app's READY=1 to the last one that counts, ms: a message that is not lost arrives in a fraction of it.
 */
const GRACE = { bare: 1000, wrapped: 20_000 };

const PYTHON =
  `import socket,os; s=socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); ` +
  `s.sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])`;
const SD_NOTIFY = 'test/fixtures/sd-notify/node_modules/sd-notify';

const OURS = 'under sd-ready-wrap';

const shell = (command) => ({
  file: 'app.sh',
  command: () => '/bin/sh',
  text: () => `${command}\necho >"$DIR/$1"\nexec sleep 1000\n`,
});

/** The ways to send READY=1 from inside an app. */
const WAYS = [
  { name: 'systemd-notify', needs: 'systemd-notify', ...shell('systemd-notify --ready') },
  { name: 'systemd-notify --no-block', needs: 'systemd-notify', ...shell('systemd-notify --ready --no-block') },
  { name: 'python3 -c, a socket', needs: 'python3', ...shell(`python3 -c "${PYTHON}"`) },
  {
    name: 'npm sd-notify',
    compiled: path.join(REPOSITORY, SD_NOTIFY, 'build/Release/notify.node'),
    file: 'app.mjs',
    command: ({ node }) => node,
    text: ({ repo }) => `
      import { writeFileSync } from 'node:fs';
      import notify from '${repo}/${SD_NOTIFY}/index.js';
      notify.ready();
      writeFileSync(process.env.DIR + '/' + process.argv[2], '');
      setInterval(() => {}, 1e9);
    `,
  },
];

/** @type {import('../rows.js').Row} */
export const lost = {
  name: 'lost',
  title: 'lost starts of an app that sends READY=1 itself, as an ordinary user',
  runs: { full: { starts: 500 }, quick: { starts: 5 } },
  picture: {
    title: 'Lost starts of an app that sends READY=1 itself, as an ordinary user',
    bars(figures) {
      const ours = figures.filter(({ name }) => name.endsWith(OURS)).map(({ max }) => max);
      const bare = figures.filter(({ name }) => !name.endsWith(OURS));
      const text = (most) => `${most} ${figures[0].unit}`;
      return [
        { label: `each of these ${OURS}`, value: Math.max(...ours), text: text(Math.max(...ours)), ours: true },
        ...bare.map(({ name, max }) => ({ label: name, value: max, text: text(max), ours: false })),
      ];
    },
  },
  run: (lab, { starts }) =>
    withSystemd(
      ['user-1000', 'session'],
      async (units) => {
        const figures = [];
        for (const way of WAYS) {
          if (way.needs && !onPath(way.needs)) figures.push(missing(way.name, `not installed: ${way.needs}`));
          else if (way.compiled && !fs.existsSync(way.compiled)) figures.push(missing(way.name, 'not compiled'));
          else figures.push(...(await waysOf(units, way, starts, (text) => lab.progress(`${way.name}, ${text}`))));
        }
        return figures;
      },
      (why) => [missing('all', why)],
    ),
};

async function waysOf(units, way, starts, progress) {
  const { systemd } = units;
  const app = `${way.command(systemd)} ${units.program(way.file, way.text(systemd))} %i`;
  const wrapped = `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs --notify --log-level error -- ${app}`;
  const count = (access, command, grace) => lostOf(units, starts, grace, [`NotifyAccess=${access}`, command], progress);
  const unit = `of ${starts}`;
  return [
    figure(`${way.name} ${OURS}`, unit, [await count('main', `ExecStart=${wrapped}`, GRACE.wrapped)], {
      goals: { median: 0 },
    }),
    figure(`${way.name}, NotifyAccess=all`, unit, [await count('all', `ExecStart=${app}`, GRACE.bare)]),
    figure(`${way.name}, NotifyAccess=main`, unit, [await count('main', `ExecStart=${app}`, GRACE.bare)]),
  ];
}

let count = 0;

/** Starts that many instances. @returns {Promise<number>} how many sent READY=1 and did not become active */
async function lostOf(units, starts, grace, lines, progress) {
  const name = `lost-${++count}`;
  const dir = units.makeDir();
  await units.define(name, ['Type=notify', `Environment=DIR=${dir}`, ...lines]);
  let found = 0;
  for (let done = 0; done < starts; done += AT_ONCE) {
    progress(`${done} of ${starts}`);
    const numbers = Array.from({ length: Math.min(AT_ONCE, starts - done) }, (_, index) => done + index);
    const batch = numbers.map((number) => `${name}@${number}.service`);
    await units.order('start', batch, '--no-block');
    await until('READY=1 of the apps', () => numbers.every((number) => fs.existsSync(`${dir}/${number}`)), 60_000);
    const all = async () => (await units.active(name)) === batch.length;
    const complete = await until('all to be active', all, grace).catch(() => false);
    if (!complete) found += batch.length - (await units.active(name));
    await units.order('stop', batch);
    await units.systemd.systemctl('reset-failed');
  }
  return found;
}
