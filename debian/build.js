/**
 * `npm run package:deb`: makes sd-ready-wrap_VERSION_ARCH.deb by dpkg-deb(1), from the files of the npm package and
 * koffi, a transport that needs no compiler. `npm pack` makes the man page by help2man(1).
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const REPOSITORY = path.resolve(import.meta.dirname, '..');
const { version } = JSON.parse(fs.readFileSync(path.join(REPOSITORY, 'package.json'), 'utf8'));
const NAME = 'sd-ready-wrap';
const MAINTAINER = 'The sd-ready-wrap contributors <noreply@users.noreply.github.com>';

/** The paths where Debian's shells search for completions. */
const COMPLETIONS = {
  bash: `usr/share/bash-completion/completions/${NAME}`,
  zsh: `usr/share/zsh/vendor-completions/_${NAME}`,
  fish: `usr/share/fish/vendor_completions.d/${NAME}.fish`,
};

const work = fs.mkdtempSync(path.join(os.tmpdir(), `${NAME}-deb-`));
try {
  process.stdout.write(`${build()}\n`);
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}

function build() {
  const architecture = output('dpkg', ['--print-architecture']).trim();
  const stage = path.join(work, 'stage');
  const home = path.join(stage, 'usr/lib', NAME);
  const doc = path.join(stage, 'usr/share/doc', NAME);
  const man = path.join(stage, 'usr/share/man/man1');
  const bin = path.join(stage, 'usr/bin');
  for (const directory of [home, doc, man, bin]) fs.mkdirSync(directory, { recursive: true });

  output('npm', ['pack', '--silent', '--pack-destination', work], { cwd: REPOSITORY });
  output('tar', ['-xzf', path.join(work, `${NAME}-${version}.tgz`), '-C', work]);
  const packed = path.join(work, 'package');
  // without the files that only npm reads
  for (const part of ['bin', 'dist']) fs.cpSync(path.join(packed, part), path.join(home, part), { recursive: true });
  fs.symlinkSync(`../lib/${NAME}/bin/${NAME}.cjs`, path.join(bin, NAME));
  copyKoffi(path.join(home, 'node_modules'));

  fs.cpSync(path.join(packed, 'systemd-units'), path.join(doc, 'examples'), { recursive: true });
  compress(changelog(), path.join(doc, 'changelog.gz'));
  fs.cpSync(path.join(packed, 'docs'), path.join(doc, 'docs'), { recursive: true });
  for (const name of ['CHANGELOG.md', 'README.md', 'SECURITY.md']) {
    compress(fs.readFileSync(path.join(packed, name)), path.join(doc, `${name}.gz`));
  }
  fs.writeFileSync(path.join(doc, 'copyright'), copyright(packed));
  compress(fs.readFileSync(path.join(packed, 'dist/LICENSES.txt')), path.join(doc, 'LICENSES.txt.gz'));
  fs.rmSync(path.join(home, 'dist/LICENSES.txt'));
  compress(fs.readFileSync(path.join(packed, `man/${NAME}.1`)), path.join(man, `${NAME}.1.gz`));
  for (const [shell, place] of Object.entries(COMPLETIONS)) {
    const file = path.join(stage, place);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, output(process.execPath, [path.join(home, `bin/${NAME}.cjs`), '--completion', shell]));
  }

  output('find', [stage, '-type', 'd', '-exec', 'chmod', '755', '{}', '+']);
  output('find', [stage, '-type', 'f', '-exec', 'chmod', '644', '{}', '+']);
  const scripts = ['rolling-restart.sh', 'swap.sh'].map((script) => path.join(doc, 'examples', script));
  for (const program of [path.join(home, `bin/${NAME}.cjs`), ...scripts]) fs.chmodSync(program, 0o755);
  const kilobytes = output('du', ['--apparent-size', '-sk', stage]).split('\t')[0];
  fs.mkdirSync(path.join(stage, 'DEBIAN'));
  fs.writeFileSync(path.join(stage, 'DEBIAN/control'), control(architecture, kilobytes));
  // a new version of Node needs a new code cache
  fs.writeFileSync(path.join(stage, 'DEBIAN/triggers'), 'interest-noawait /usr/bin/node\n');
  for (const script of ['postinst', 'prerm']) {
    fs.copyFileSync(path.join(import.meta.dirname, script), path.join(stage, 'DEBIAN', script));
    fs.chmodSync(path.join(stage, 'DEBIAN', script), 0o755);
  }
  fs.writeFileSync(
    path.join(stage, 'DEBIAN/md5sums'),
    output('sh', ['-c', 'find usr -type f -exec md5sum {} +'], { cwd: stage }),
  );
  const file = path.join(REPOSITORY, `${NAME}_${version}_${architecture}.deb`);
  output('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', stage, file]);
  return file;
}

/** Only what runs: koffi's C sources are some megabytes, and one script is for its own build. */
function copyKoffi(modules) {
  const from = path.join(REPOSITORY, 'node_modules');
  const native = fs.readdirSync(path.join(from, '@koromix')).find((name) => name.startsWith('koffi-linux-'));
  if (!native) throw new Error('koffi is not installed for this machine; run npm install');
  const runs = (file) =>
    fs.statSync(file).isDirectory() || (/\.(c?js|json|node)$/.test(file) && !file.endsWith('/trampolines.cjs'));
  for (const name of ['koffi/package.json', 'koffi/index.cjs', 'koffi/src/koffi', `@koromix/${native}`]) {
    fs.cpSync(path.join(from, name), path.join(modules, name), { recursive: true, filter: runs });
  }
  fs.rmSync(path.join(modules, '@koromix', native, 'musl_x64'), { recursive: true, force: true });
  output('find', [modules, '-type', 'd', '-empty', '-delete']);
  output('find', [modules, '-name', '*.node', '-exec', 'strip', '--strip-unneeded', '{}', '+']);
}

function control(architecture, kilobytes) {
  return `Package: ${NAME}
Version: ${version}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Depends: nodejs (>= 20), libc6, libstdc++6
Section: admin
Priority: optional
Description: wrapper that makes a Node app a Type=notify service
 sd-ready-wrap starts an unchanged app, waits until it is ready (its TCP port, a
 line of its log, an HTTP response, Node IPC and more), and sends READY=1 to
 systemd from the main process of the unit. It forwards signals to the app and
 exits with the exit status of the app.
`;
}

/** The machine-readable form, https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/. */
function copyright(packed) {
  const indent = (text) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => ` ${line.trimEnd() || '.'}`)
      .join('\n');
  const koffi = fs.readFileSync(path.join(REPOSITORY, 'node_modules/koffi/LICENSE.txt'), 'utf8');
  const own = fs.readFileSync(path.join(packed, 'LICENSE'), 'utf8');
  // the first line of each licence: name, version, licence
  const bundled =
    fs.readFileSync(path.join(packed, 'dist/LICENSES.txt'), 'utf8').match(/^[@\w./-]+ \d\S*, .+$/gm) ?? [];
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${NAME}

Files: *
Copyright: 2026 The sd-ready-wrap contributors
License: Expat
${indent(own)}

Files: usr/lib/${NAME}/node_modules/*
Copyright: The authors of koffi
License: Expat-koffi
${indent(koffi)}

Files: usr/lib/${NAME}/dist/*
Copyright: 2026 The sd-ready-wrap contributors, and the authors of the packages named below
License: Expat-and-others
${indent(`The packages below are bundled. Their licences are in LICENSES.txt.gz beside this file; on Debian
systems the full text of the Apache License 2.0 is also in /usr/share/common-licenses/Apache-2.0.

${bundled.join('\n')}`)}
`;
}

/** In Debian's form, deb-changelog(5). What changed is in CHANGELOG.md. */
function changelog() {
  const date = output('date', ['--rfc-email', '--utc']).trim();
  return `${NAME} (${version}) unstable; urgency=medium\n\n  * See CHANGELOG.md.gz.\n\n -- ${MAINTAINER}  ${date}\n`;
}

function compress(content, file) {
  fs.writeFileSync(file, gzipSync(content, { level: 9 }));
}

function output(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
}
