/**
 * The units beside the template for deploys that refuse no connection, as text: the socket that its instances a and b
 * share, and the holder that keeps traffic from starting an instance. What systemd-units/swap.socket is as an example.
 */

export interface SwapFacts {
  readonly version: string;
  /** Without @ and ending: `shop`. */
  readonly name: string;
  readonly manager: 'system' | 'user';
  /** TCP ports that the app listens on. */
  readonly ports: readonly number[];
  /** Where the units go: an absolute path. */
  readonly directory: string;
}

export interface UnitText {
  /** `shop.socket` */
  readonly name: string;
  readonly text: string;
}

export function socketUnit({ version, name, manager, ports, directory }: SwapFacts): UnitText {
  const isUser = manager === 'user';
  const [systemctl, swap] = isUser ? ['systemctl --user', 'swap.sh --user'] : ['systemctl', 'swap.sh'];
  const [first] = ports;
  const text = `# Printed by sd-ready-wrap ${version}: three units for deploys that refuse no connection.
# Each begins with the path of its file; ${directory} must exist. Install: pipe them to
#   ${isUser ? '' : 'sudo '}awk '/^# \\/.*\\.(socket|service)$/ { file = substr($0, 3) } { print > file }'
# then: ${systemctl} daemon-reload; ${systemctl} enable --now ${name}.socket; ${swap} ${name}@
# New version: ${swap} ${name}@
# Stop everything: ${systemctl} stop ${name}.socket

[Unit]
Description=Port that ${name}@a and ${name}@b share

[Socket]
# All addresses, as with server.listen(${first}). If the app names an address, such as 127.0.0.1, name it here too:
# ListenStream=127.0.0.1:${first}
${ports.map((port) => `ListenStream=${port}`).join('\n')}

# A connection starts the service named here, even after an operator stopped it. The holder does nothing:
# https://github.com/systemd/systemd/issues/4580
Service=${name}-hold.service

# Each crash of an instance counts as a trigger; at the limit systemd would close the port: systemd.socket(5)
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
`;
  return { name: `${name}.socket`, text };
}

export function holdUnit({ name }: SwapFacts): UnitText {
  const text = `# The service that ${name}.socket starts at the first connection. It does nothing and stays active, so
# connections wait for ${name}@a or ${name}@b.

[Unit]
Description=Keeps traffic on ${name}.socket from starting an instance
# Stops with the socket, which systemd does not start again while its service is active
BindsTo=${name}.socket
After=${name}.socket
# At a start limit systemd would close the port
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
`;
  return { name: `${name}-hold.service`, text };
}

/** Of the template: what its section [Unit] needs more. */
export function swapDependencies(name: string): readonly string[] {
  return [
    '# Stopping the socket stops the instances too, which would keep the port open',
    `Requires=${name}.socket`,
    '# At a start limit systemd would close the port, and could not open it again while the other instance serves',
    'StartLimitIntervalSec=0',
  ];
}

/** Of the template: what its section [Service] needs more. */
export function sharedSocket(name: string): readonly string[] {
  return [
    '# Both instances get the same descriptor: systemd.service(5). An app that listens gets a share of the',
    '# connections, so it must listen only when it can serve',
    // systemd takes a backslash in it for an escape
    `Sockets=${name.replaceAll('\\', '\\\\')}.socket`,
    '# Without this the start of one instance makes the socket blocking for the other: systemd.service(5)',
    'NonBlocking=yes',
  ];
}

/** As one text, each behind a line with its path. */
export function joined(directory: string, units: readonly UnitText[]): string {
  return units.map(({ name, text }) => `# ${directory}/${name}\n${text}`).join('\n');
}
