/** A host for the commands and units of README.md and docs/: the programs, paths and port that they name. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort, type TestSystemd } from '../helpers/systemd/private-systemd.js';

/** The app of every page: it listens, and prints that it does. */
const SERVER = `
  require('node:http').createServer((_, response) => response.end('ok'))
    .listen(process.env.PORT || PORT, '127.0.0.1', () => console.log('listening on ' + (process.env.PORT || PORT)));
`;

export interface Scene {
  /** Stands for /srv/app. */
  readonly dir: string;
  /** Stands for 3000. */
  readonly port: number;
  /** The text of a page with the places of this test. */
  placed(text: string): string;
  /** A script of a page, as bash runs it in `dir`. */
  run(script: string): ReturnType<TestSystemd['run']>;
}

export async function docsScene(systemd: TestSystemd): Promise<Scene> {
  const dir = systemd.makeDir();
  const port = await freePort();
  const bin = path.join(dir, 'bin');
  const program = (name: string, script: string) => {
    const file = path.join(bin, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  };
  mkdirSync(bin);
  writeFileSync(path.join(dir, 'server.js'), SERVER.replaceAll('PORT || PORT', `PORT || ${port}`));
  writeFileSync(path.join(dir, 'package.json'), JSON.stringify({ scripts: { start: 'node server.js' } }));
  program('sd-ready-wrap', `exec ${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs "$@"`);
  program('sudo', 'exec "$@"');
  // the real one hands its arguments to a shell too; every host is this one
  program('ssh', '[ "$1" != -n ] || shift; shift; exec sh -c "$*"');
  program('rolling-restart.sh', `exec sh ${systemd.repo}/systemd-units/rolling-restart.sh "$@"`);
  symlinkSync(systemd.node, path.join(bin, 'node'));
  symlinkSync(`${systemd.repo}/systemd-units/swap.sh`, path.join(bin, 'swap.sh'));
  for (const name of ['rolling-restart.yml', 'swap.yml', 'swap.sh']) {
    symlinkSync(`${systemd.repo}/systemd-units/${name}`, path.join(dir, name));
  }
  // every play runs on this host
  writeFileSync(path.join(dir, 'inventory'), 'web1 ansible_connection=local\n');

  const placed = (text: string) =>
    text
      .replaceAll('/srv/app', dir)
      .replaceAll('3000', String(port))
      .replaceAll('/etc/systemd/system', '/run/systemd/system')
      // /etc is the directory of this machine
      .replaceAll('enable --now', 'enable --runtime --now')
      // ports are opened for this host only
      .replace('  sudo awk', "  sed 's/^ListenStream=/&127.0.0.1:/' | sudo awk");
  const env = [
    `PATH=${bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    ...['HOME', 'ANSIBLE_LOCAL_TEMP', 'ANSIBLE_REMOTE_TEMP'].map((name) => `${name}=${dir}`),
    ...['ANSIBLE_NOCOLOR=1', 'ANSIBLE_PIPELINING=1', 'ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3'],
    ...['LC_ALL=C.UTF-8', 'NO_COLOR=1'],
  ];
  return {
    dir,
    port,
    placed,
    run: (script) => systemd.run('env', [...env, 'bash', '-ec', `set -o pipefail; cd ${dir}; ${placed(script)}`]),
  };
}
