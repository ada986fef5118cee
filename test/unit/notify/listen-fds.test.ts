import { describe, expect, it } from 'vitest';
import { listenEnvironment, listenFds, namedNotify } from '../../../src/notify/listen-fds.ts';

const OURS = { LISTEN_PID: '7' };

describe('listenFds', () => {
  it.each([
    [{}, []],
    [{ ...OURS, LISTEN_FDS: '1', LISTEN_FDNAMES: 'notify' }, [{ fd: 3, name: 'notify' }]],
    [
      { ...OURS, LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:notify' },
      [
        { fd: 3, name: 'web' },
        { fd: 4, name: 'notify' },
      ],
    ],
    [{ ...OURS, LISTEN_FDS: '1' }, [{ fd: 3, name: '' }]],
    [
      { ...OURS, LISTEN_FDS: '2', LISTEN_FDNAMES: 'a' },
      [
        { fd: 3, name: 'a' },
        { fd: 4, name: 'unknown' },
      ],
    ],
    [{ LISTEN_PID: '8', LISTEN_FDS: '1', LISTEN_FDNAMES: 'notify' }, []],
    [{ LISTEN_FDS: '1', LISTEN_FDNAMES: 'notify' }, []],
    [{ ...OURS, LISTEN_FDS: '0' }, []],
    [{ ...OURS, LISTEN_FDS: '-1' }, []],
    [{ ...OURS, LISTEN_FDS: 'many' }, []],
    [{ ...OURS, LISTEN_FDS: '1.5' }, []],
    [{ ...OURS, LISTEN_FDS: '1e1' }, []],
    [{ ...OURS, LISTEN_FDS: '4294967296' }, []],
  ])('%j', (env, passed) => {
    expect(listenFds(env, 7)).toEqual(passed);
  });
});

describe('namedNotify', () => {
  it.each([
    [[], undefined],
    [['web'], undefined],
    [['notify'], 3],
    [['web', 'notify', 'notify'], 4],
    [['notify2', 'Notify'], undefined],
  ])('%j', (names, fd) => {
    expect(namedNotify(names.map((name, index) => ({ fd: 3 + index, name })))).toBe(fd);
  });
});

describe('listenEnvironment', () => {
  const own = { ...OURS, LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:notify', PATH: '/bin' };

  it.each([
    [own, [], { PATH: '/bin' }],
    [own, ['web'], { ...OURS, LISTEN_FDS: '1', LISTEN_FDNAMES: 'web', PATH: '/bin' }],
    [{ ...OURS, LISTEN_FDS: '2' }, ['unknown'], { ...OURS, LISTEN_FDS: '1' }],
  ])('%j, %j left', (env, names, expected) => {
    const passed = names.map((name, index) => ({ fd: 3 + index, name }));
    expect(listenEnvironment(env, passed)).toEqual(expected);
  });
});
