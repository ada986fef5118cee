import { describe, expect, it } from 'vitest';
import { type Asked, choose, covers, nameOf, type Place } from '../../../src/take-sockets/place.ts';

/** `127.0.0.1:3000`, `[::]:3000`; `6 [::]:3000` is without IPv4. */
function place(text: string): Place {
  const [, only, host, port] = /^(6 )?\[?(.*?)\]?:(\d+)$/.exec(text) as RegExpExecArray;
  return { host: host as string, port: Number(port), ...(only && { ipv6Only: true }) };
}

const localhost = (text: string): Asked => ({ ...place(text), localhost: true });

describe('the socket that an app gets', () => {
  it.each([
    // all addresses
    ['[::]:1', ['[::]:1'], '[::]:1'],
    ['[::]:1', ['0.0.0.0:1'], '0.0.0.0:1'],
    ['[::]:1', ['127.0.0.1:1'], '127.0.0.1:1'],
    ['[::]:1', ['[::1]:1'], '[::1]:1'],
    ['[::]:1', ['10.0.0.7:1', '0.0.0.0:1'], '0.0.0.0:1'],
    ['[::]:1', ['0.0.0.0:1', '[::]:1'], '[::]:1'],
    ['[::]:1', ['[::]:2'], undefined],
    ['0:0:0:0:0:0:0:0:1', ['[::]:1'], '[::]:1'],
    // all of IPv4
    ['0.0.0.0:1', ['0.0.0.0:1'], '0.0.0.0:1'],
    ['0.0.0.0:1', ['127.0.0.1:1'], '127.0.0.1:1'],
    ['0.0.0.0:1', ['[::]:1'], undefined],
    ['0.0.0.0:1', ['[::1]:1'], undefined],
    // all of IPv6
    ['6 [::]:1', ['[::]:1'], undefined],
    ['6 [::]:1', ['6 [::]:1'], '[::]:1'],
    ['6 [::]:1', ['[::1]:1'], '[::1]:1'],
    ['6 [::]:1', ['0.0.0.0:1'], undefined],
    // one address
    ['127.0.0.1:1', ['127.0.0.1:1'], '127.0.0.1:1'],
    ['127.0.0.1:1', ['[::]:1', '0.0.0.0:1', '[::1]:1', '127.0.0.2:1'], undefined],
    ['127.0.0.1:1', ['[::ffff:127.0.0.1]:1'], '[::ffff:127.0.0.1]:1'],
    ['::ffff:127.0.0.1:1', ['127.0.0.1:1'], '127.0.0.1:1'],
    ['[::1]:1', ['[::]:1', '127.0.0.1:1'], undefined],
    ['[0:0::1]:1', ['[::1]:1'], '[::1]:1'],
    ['[fe80::1%eth0]:1', ['[fe80::1%eth1]:1', '[fe80::1]:1'], undefined],
    ['[fe80::1%eth0]:1', ['[fe80::1%eth0]:1'], '[fe80::1%eth0]:1'],
  ])('for %s, of %j', (asked, passed, got) => {
    const found = choose(passed.map(place), place(asked));
    expect(found && nameOf(found)).toBe(got);
  });

  it('localhost: the resolved address, otherwise the other one, and nothing else', () => {
    const both = ['[::1]:1', '127.0.0.1:1'].map(place);
    expect(choose(both, localhost('127.0.0.1:1'))).toEqual(place('127.0.0.1:1'));
    expect(choose(both.slice(0, 1), localhost('127.0.0.1:1'))).toEqual(place('[::1]:1'));
    expect(choose(both.slice(1), localhost('[::1]:1'))).toEqual(place('127.0.0.1:1'));
    expect(choose(['[::]:1', '0.0.0.0:1', '127.0.0.1:2'].map(place), localhost('127.0.0.1:1'))).toBeUndefined();
  });

  it('returns the given object itself', () => {
    const sockets = [{ ...place('0.0.0.0:1'), fd: 3 }];
    expect(choose(sockets, place('[::]:1'))).toBe(sockets[0]);
  });
});

it.each([
  ['[::]:1', '127.0.0.1:1', true],
  ['[::]:1', '0.0.0.0:1', true],
  ['[::]:1', '6 [::]:1', true],
  ['6 [::]:1', '[::]:1', false],
  ['6 [::]:1', '[::1]:1', true],
  ['6 [::]:1', '127.0.0.1:1', false],
  ['0.0.0.0:1', '[::]:1', false],
  ['0.0.0.0:1', '10.1.2.3:1', true],
  ['0.0.0.0:1', '10.1.2.3:2', false],
  ['10.1.2.3:1', '0.0.0.0:1', false],
])('%s includes %s: %s', (outer, inner, answer) => {
  expect(covers(place(outer), place(inner))).toBe(answer);
});
