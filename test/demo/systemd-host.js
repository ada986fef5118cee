/** The demo's services as units of a real systemd; receiver.js replaces it on machines without one. */
import { bootSystemd, possibleModes, REPOSITORY } from '../helpers/systemd/private-systemd.js';
import { swapUnits } from '../helpers/systemd/swap-units.js';

/** @returns {{mode?: string, missing: string}} how to get a systemd here, or what is missing */
export function findSystemd() {
  const { modes, missing } = possibleModes();
  // operators know it as pid 1; users other than root get the session's own manager
  const mode = ['system', 'session'].find((wanted) => modes.includes(wanted));
  return { mode, missing };
}

export class SystemdHost {
  static async open(mode) {
    const systemd = await bootSystemd(mode);
    try {
      const { stdout } = await systemd.systemctl('--version');
      return new SystemdHost(systemd, stdout.split(' ')[1]);
    } catch (error) {
      await systemd.stop();
      throw error;
    }
  }

  constructor(systemd, version) {
    this.systemd = systemd;
    this.title =
      systemd.mode === 'session'
        ? `under your session's own systemd ${version}, as you are not root`
        : `under a private systemd ${version}, booted in ${(systemd.bootMs / 1000).toFixed(2)} s`;
    this.systemctl = ['systemctl', ...systemd.flags].join(' ');
  }

  /** @returns {Promise<{title: string, text: string}>} the unit file, for display */
  async define({ name, description, port, env }) {
    const node = this.#node;
    const text = `[Unit]
Description=${description}

[Service]
Type=notify
NotifyAccess=main
KillMode=mixed
${this.#directory}
${Object.entries({ ...env, PORT: port })
  .map(([key, value]) => `Environment=${key}=${value}`)
  .join('\n')}
ExecStart=${word(node)} bin/sd-ready-wrap.cjs --tcp ${port} -- ${word(node)} test/demo/app.js
`;
    const file = this.systemd.writeUnit(`${name}.service`, text);
    await this.systemd.systemctl('daemon-reload');
    return { title: file.replace(/^\/proc\/\d+\/root/, ''), text };
  }

  /** The units of systemd-units/swap.socket, for the demo's app. */
  async defineSwap({ name, port, env }) {
    const { systemd } = this;
    const fileOf = (unit) => unit.replace('swap', name);
    // first, so that the manager's name for each is known
    for (const unit of ['swap.socket', 'swap@.service']) systemd.writeUnit(fileOf(unit), '');
    const units = swapUnits({
      name: this.#known(name),
      port,
      wrapper: `${word(this.#node)} bin/sd-ready-wrap.cjs`,
      command: `${word(this.#node)} test/demo/app.js`,
      lines: [this.#directory, ...Object.entries(env).map(([key, value]) => `Environment=${key}=${value}`)],
    });
    for (const [unit, text] of units) systemd.writeUnit(fileOf(unit), text);
    await systemd.systemctl('daemon-reload');
  }

  /** @returns {Promise<string>} what swap.sh printed */
  async swap(name) {
    const { systemd } = this;
    const script = `${this.#inside(REPOSITORY, systemd.repo)}/systemd-units/swap.sh`;
    const { code, stdout, stderr } = await systemd.run('sh', [script, ...systemd.flags, `${this.#known(name)}@`]);
    if (code !== 0) throw new Error(stderr.trim());
    return stdout.trim();
  }

  /** Ends it, and removes what would start it at the next boot. */
  async endSwap(name) {
    const known = this.#known(name);
    await this.systemd.systemctl('stop', `${known}.socket`);
    await this.systemd.systemctl('disable', `${known}@a.service`, `${known}@b.service`);
  }

  #known(name) {
    return this.systemd.unit(`${name}.socket`).replace('.socket', '');
  }

  get #node() {
    return this.#inside(process.execPath, this.systemd.node);
  }

  get #directory() {
    return `WorkingDirectory=${escapeSpecifiers(this.#inside(REPOSITORY, this.systemd.repo))}`;
  }

  shown(verb, name) {
    return `${this.systemctl} ${verb} ${this.systemd.unit(`${name}.service`)}`;
  }

  async start(...names) {
    await this.#order('start', names);
  }

  async restart(...names) {
    await this.#order('restart', names);
  }

  async status(name, { colour }) {
    const args = ['status', '--no-pager', '--full', '--lines=0', this.systemd.unit(`${name}.service`)];
    const env = { SYSTEMD_COLORS: colour ? '16' : '0', SYSTEMD_URLIFY: '0' };
    return (await this.systemd.run('systemctl', [...this.systemd.flags, ...args], env)).stdout;
  }

  /** @returns {Promise<{active: boolean, text: string}>} what systemd reports about a service */
  async state(name) {
    return {
      active: (await this.systemd.show(`${name}.service`, 'ActiveState')) === 'active',
      text: await this.systemd.show(`${name}.service`, 'StatusText'),
    };
  }

  close() {
    return this.systemd.stop();
  }

  async #order(verb, names) {
    const { code, stderr } = await this.systemd.systemctl(verb, ...names.map((name) => `${name}.service`));
    if (code !== 0) throw new Error(`systemctl ${verb} ${names.join(' ')}: ${stderr.trim()}`);
  }

  /** The private systemd sees the host's files at the same paths, except below its own /run. */
  #inside(path, substitute) {
    return path.startsWith('/run/') ? substitute : path;
  }
}

/** For a unit file, in which % begins a specifier (systemd.unit(5)). */
function escapeSpecifiers(text) {
  return text.replaceAll('%', '%%');
}

/** One word of a command line (systemd.service(5), "Command lines"). */
function word(text) {
  const escaped = escapeSpecifiers(text).replaceAll('$', '$$$$');
  return /[\s"'\\;]/.test(escaped) ? JSON.stringify(escaped) : escaped;
}
