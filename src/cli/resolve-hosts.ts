/** Host names become addresses before the app is started, so that a misspelt one is told at once. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { UsageError } from '../base/errors.ts';
import type { ProbeSpec } from '../probes/spec.ts';
import { canonicalHost } from '../sockets/rows.ts';

/** @throws {UsageError} for a host that does not resolve, and for one where the app cannot be listening */
export function resolveHosts(probes: readonly ProbeSpec[]): Promise<readonly ProbeSpec[]> {
  return Promise.all(
    probes.map(async (spec) => {
      // localhost
      if ('hosts' in spec && spec.hosts.length > 1) return spec;
      if (spec.kind === 'http') {
        const hosts = await addresses(spec.hosts[0] as string, spec.written);
        return { ...spec, hosts, onThisHost: hosts.every(isOfThisHost) };
      }
      if (spec.kind !== 'tcp') return spec;
      const hosts = await addresses(spec.hosts[0] as string, spec.written);
      if (spec.owner === 'app' && !hosts.some(isOfThisHost)) {
        throw new UsageError(
          spec.written,
          'an address of another host, where the app cannot listen',
          `if that is intended, write ${spec.written} --tcp-owner any`,
        );
      }
      return { ...spec, hosts };
    }),
  );
}

async function addresses(host: string, written: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [connectable(host)];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const right = written.replace(`[${host}]`, host).replace(host, '127.0.0.1');
    throw new UsageError(written, `cannot resolve the host name (${code})`, `write e.g. ${right}`);
  }
}

/** A connection to no address in particular goes to this host (connect(2) of Linux), and IPv4 has one spelling. */
function connectable(address: string): string {
  const host = canonicalHost(address);
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : address.includes('%') ? address : host;
}

function isOfThisHost(address: string): boolean {
  const wanted = canonicalHost(address);
  if (wanted.startsWith('127.') || ['::1', '0.0.0.0', '::'].includes(wanted)) return true;
  return Object.values(networkInterfaces()).some((all) => all?.some((own) => canonicalHost(own.address) === wanted));
}
