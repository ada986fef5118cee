/** `--take-sockets` under a real systemd: two instances of an unchanged app on one socket. */
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { freePort, type TestSystemd } from '../helpers/systemd/private-systemd.js';
import { until } from '../helpers/until.ts';

const O_NONBLOCK = 0o4000;

/** Interval between the starts of two requests, ms. */
const EVERY = 5;

let count = 0;

/** A socket that starts nothing, and a template of services that share it. */
async function shop(systemd: TestSystemd, probe: string, lines: readonly string[] = []) {
  const port = await freePort();
  const [name, dir, { repo, node }] = [`taking${++count}`, systemd.makeDir(), systemd];
  const holder = `${name}-hold.service`;
  const socket = `${name}.socket`;
  systemd.writeUnit(holder, '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n');
  systemd.writeUnit(socket, `[Socket]\nListenStream=127.0.0.1:${port}\nService=${systemd.unit(holder)}\n`);
  systemd.writeUnit(
    `${name}@.service`,
    [
      ...['[Unit]', 'StartLimitIntervalSec=0', '[Service]', 'Type=notify', 'NotifyAccess=main', 'KillMode=mixed'],
      `Sockets=${systemd.unit(socket)}`,
      `StandardError=append:${dir}/%i`,
      `ExecStart=${node} ${repo}/bin/sd-ready-wrap.cjs --take-sockets ${probe.replace('PORT', `${port}`)} -- ` +
        `${node} ${repo}/test/fixtures/systemd/listens.mjs %i ${port} 127.0.0.1`,
      ...lines,
      '',
    ].join('\n'),
  );
  const unit = (instance: string) => systemd.unit(`${name}@${instance}.service`);
  const log = (instance: string) =>
    existsSync(`${dir}/${instance}`) ? readFileSync(`${dir}/${instance}`, 'utf8') : '';
  const must = async (...words: readonly string[]) => {
    const { code, stderr } = await systemd.systemctl(...words);
    if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr}${log('a')}${log('b')}`);
  };
  await must('start', systemd.unit(socket));
  return {
    port,
    log,
    start: (instance: string) => must('start', unit(instance)),
    stop: (instance: string) => must('stop', unit(instance)),
    /** The flags of its first socket, as in proc(5): `flags: 02004002`. */
    flags: async (instance: string) => {
      const wrapper = await systemd.show(unit(instance), 'MainPID');
      const children = (await systemd.run('cat', [`/proc/${wrapper}/task/${wrapper}/children`])).stdout.split(' ');
      const { stdout } = await systemd.run('cat', children.map((pid) => `/proc/${pid}/fdinfo/3`).slice(0, 1));
      return Number.parseInt(/^flags:\s*(\d+)/m.exec(stdout)?.[1] ?? '0', 8);
    },
    end: () => must('stop', unit('a'), unit('b'), unit('idle'), systemd.unit(socket), systemd.unit(holder)),
  };
}

/** New connections at a steady pace, whatever the fate of earlier ones. */
function load(port: number) {
  const answers: string[] = [];
  const open = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const request = answerOf(port).then((answer) => {
      answers.push(answer);
      open.delete(request);
    });
    open.add(request);
  }, EVERY);
  return {
    answers,
    more: (wanted: number) => {
      const enough = answers.length + wanted;
      return until(`${wanted} more answers`, () => answers.length >= enough);
    },
    async end() {
      clearInterval(timer);
      await Promise.all(open);
    },
  };
}

/** The answer, or the error's message. */
function answerOf(port: number): Promise<string> {
  return new Promise((resolve) => {
    http
      .get({ port, host: '127.0.0.1', agent: false }, (response) => {
        let text = '';
        response.on('data', (piece) => {
          text += piece;
        });
        response.on('end', () => resolve(text));
        response.on('error', ({ message }) => resolve(message));
      })
      .on('error', ({ message }) => resolve(message));
  });
}

describeSystemd('--take-sockets', EVERYWHERE, (get) => {
  test('swaps instances of an unchanged app under load without refusing a connection', async () => {
    const it = await shop(get(), '--http http://127.0.0.1:PORT/', ['NonBlocking=yes']);
    await it.start('a');
    const requests = load(it.port);
    await requests.more(20);
    await it.start('b');
    await it.stop('a');
    // some were still running
    await requests.more(20);
    const before = requests.answers.length;
    await requests.more(20);
    expect(new Set(requests.answers.slice(before))).toEqual(new Set(['b']));
    await requests.end();
    expect(new Set(requests.answers)).toEqual(new Set(['a', 'b']));
    expect(it.log('a') + it.log('b')).not.toContain('--take-sockets:');
    await it.end();
  });
});

describeSystemd('--take-sockets', ['system'], (get) => {
  test('lets a service without the network take a socket of the host', async () => {
    const it = await shop(get(), '--stdout ^listening', ['PrivateNetwork=yes', 'PrivateTmp=yes']);
    await it.start('a');
    expect(await answerOf(it.port)).toBe('a');
    expect(it.log('a')).not.toContain('--take-sockets:');
    await it.end();
  });

  test('does not blame systemd for holding the port if the app ignores the passed socket', async () => {
    const it = await shop(get(), '--timeout 1500ms');
    await expect(it.start('idle')).rejects.toThrow();
    expect(it.log('idle')).toContain('not ready after 1.5 s');
    expect(it.log('idle')).not.toContain('is held by');
    await it.end();
  });

  test('keeps the shared socket non-blocking at a start, before its app listens', async () => {
    const it = await shop(get(), '--stdout ^listening');
    await it.start('a');
    await it.start('idle');
    expect((await it.flags('a')) & O_NONBLOCK).toBe(O_NONBLOCK);
    await it.end();
  });
});
