/** The systemd of this host, as systemctl(1) tells. By execa: the only file that imports it, where it is needed. */

/** How long it may take to say so, ms. */
const PATIENCE = 5000;

/** @returns its first line, `systemd 252 (252.39-1~deb12u2)`; undefined where there is none */
export async function systemdVersion(): Promise<string | undefined> {
  const { execa } = await import('execa');
  const { stdout = '' } = await execa('systemctl', ['--version'], { timeout: PATIENCE, reject: false });
  return /^systemd \d.*/.exec(stdout)?.[0].trim();
}

/** @param version as {@link systemdVersion} tells it */
export function majorVersion(version: string | undefined): number | undefined {
  const digits = /\d+/.exec(version ?? '')?.[0];
  return digits === undefined ? undefined : Number(digits);
}
