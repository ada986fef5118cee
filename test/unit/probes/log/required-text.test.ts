import { describe, expect, it } from 'vitest';
import { requiredText } from '../../../../src/probes/log/required-text.ts';

const [ROCKET, REPLACEMENT] = ['\u{1f680}', '\ufffd'];

describe('requiredText', () => {
  it.each([
    [/listening on/, 'listening on'],
    [/^READY$/, 'READY'],
    [/ready in \d+ ms/, 'ready in '],
    [/Listening on http:\/\/[\w.]+:\d+\//, 'Listening on http://'],
    [/port=(?:80|443), started/, ', started'],
    [/(?<!not )ready now/, 'ready now'],
    [/colou?r is on/, 'r is on'],
    [/waiting+ is over/, ' is over'],
    [/doneX*/, 'done'],
    [/doneX{0,2} with it/, ' with it'],
    [/done.*?then more/, 'then more'],
    [/\[info\] up/, '[info] up'],
    [/a[)\]]b[^(]serves/, 'serves'],
    [/([)(\]])serves/, 'serves'],
    // the output is searched as bytes, in which half a character is never found
    [new RegExp(`done\\${ROCKET}`), 'done'],
    [new RegExp(`done\\${REPLACEMENT}`), 'done'],
  ])('%s needs %j', (regex, text) => {
    expect(requiredText(regex)).toBe(text);
  });

  it.each([
    [/ready|listening/],
    [/(ready)/],
    [/\w+/],
    [/.*/],
    [/ab/],
    [/((ready) now) then/],
    [/(a)\1 then/],
    [/ready/i],
    [/ready/u],
    [/grü\u00dfe/],
    [/\x41BCD/],
    [/\cJready/],
    [/a{ready}/],
    [/(?:)/],
  ])('%s has no required text', (regex) => {
    expect(requiredText(regex)).toBeUndefined();
  });

  it('is part of every match', () => {
    const parts = ['ab', 'abc', '.', '\\.', '\\d', '[ab)]', '(?:a|b)', '(?=a)', '\\(', ' x', '-'];
    const ends = ['', '', '', '*', '+', '?', '{0,1}', '{2}', '*?', '+?'];
    const pick = <T>(all: readonly T[]) => all[Math.floor(Math.random() * all.length)] as T;
    const alphabet = 'abc.1() x-)';
    for (let n = 0; n < 3000; n += 1) {
      const regex = new RegExp(Array.from({ length: 4 }, () => pick(parts) + pick(ends)).join(''));
      const required = requiredText(regex);
      if (required === undefined) continue;
      for (let m = 0; m < 30; m += 1) {
        const text = Array.from({ length: 12 }, () => pick([...alphabet, 'abc', 'ab', ' x'])).join('');
        const [match] = regex.exec(text) ?? [];
        if (match !== undefined) expect(text, String(regex)).toContain(required);
      }
    }
  });
});
