/** Host names of `--tcp` become addresses before the app is started, so that a misspelt one is told at once. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { UsageError } from '../core/errors.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';

/** @throws {UsageError} for a host that does not resolve */
export function resolveHosts(probes: readonly ProbeSpec[]): Promise<readonly ProbeSpec[]> {
  return Promise.all(
    probes.map(async (spec) => (spec.kind === 'tcp' ? { ...spec, hosts: await addresses(spec) } : spec)),
  );
}

async function addresses({ hosts, port, written }: Extract<ProbeSpec, { kind: 'tcp' }>): Promise<readonly string[]> {
  const [host] = hosts;
  if (host === undefined || isIP(host) !== 0) return hosts;
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const right = written.replace(/^([\w-]+[ =]).*$/s, `$1127.0.0.1:${port}`);
    throw new UsageError(written, `the host does not resolve (${code})`, `write e.g. ${right}`);
  }
}
