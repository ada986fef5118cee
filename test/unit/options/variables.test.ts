import { describe, expect, it } from 'vitest';
import { optionsFromEnvironment, variableOf } from '../../../src/options/variables.ts';

describe('variableOf', () => {
  it.each([
    ['tcp', 'SD_READY_WRAP_TCP'],
    ['ready-when', 'SD_READY_WRAP_READY_WHEN'],
    ['attempt-timeout', 'SD_READY_WRAP_ATTEMPT_TIMEOUT'],
  ])('%s is %s', (name, variable) => {
    expect(variableOf(name)).toBe(variable);
  });
});

describe('optionsFromEnvironment', () => {
  it.each([
    [{ SD_READY_WRAP_TCP: '3000' }, { tcp: ['3000'] }],
    [{ SD_READY_WRAP_TCP: '3000\n3001\n\n  \n3002\n' }, { tcp: ['3000', '3001', '3002'] }],
    [{ SD_READY_WRAP_STDOUT: ' two words \nb' }, { stdout: [' two words ', 'b'] }],
    [{ SD_READY_WRAP_TIMEOUT: ' 1min 30s ' }, { timeout: ['1min 30s'] }],
    [{ SD_READY_WRAP_IPC: 'yes' }, { ipc: ['yes'] }],
    [{ SD_READY_WRAP_TCP: '' }, {}],
    [{ SD_READY_WRAP_TCP: ' \n ' }, {}],
    [{ SD_READY_WRAP_NO_SUCH_OPTION: '' }, {}],
    [{ SD_READY_WRAP_TCP: undefined }, {}],
    [{ PATH: '/bin', SD_READY_WRAPPER: 'x', sd_ready_wrap_tcp: '1' }, {}],
  ])('%j', (env, expected) => {
    const texts = Object.entries(optionsFromEnvironment(env)).map(([name, values]) => [
      name,
      values.map((value) => value.text),
    ]);
    expect(Object.fromEntries(texts)).toEqual(expected);
  });

  it('names the source of each value', () => {
    expect(optionsFromEnvironment({ SD_READY_WRAP_TCP: '1\n2' })).toEqual({
      tcp: [
        { place: 'SD_READY_WRAP_TCP', text: '1' },
        { place: 'SD_READY_WRAP_TCP', text: '2' },
      ],
    });
  });

  it.each(['SD_READY_WRAP_TPC', 'SD_READY_WRAP_', 'SD_READY_WRAP_tcp'])('%s is misspelt', (name) => {
    expect(() => optionsFromEnvironment({ [name]: '3000' })).toThrow(
      `${name}: no such option; see sd-ready-wrap --help, e.g. SD_READY_WRAP_TCP=3000`,
    );
  });
});
