import { inspect } from 'node:util';
import { CacheError, isCacheError } from '@ninefold/core';
import { describe, expect, it } from 'vitest';
import { causeOf, createCause, nameOf } from '../src/errors.ts';

const options = { code: 'UNAVAILABLE', backend: 'redis', operation: 'getValue', reason: 'connection refused' } as const;

describe('CacheError', () => {
  it('says backend, operation, key and reason in one line', () => {
    const error = new CacheError({ ...options, key: 'user:1' });
    expect(error.message).toBe('[redis] getValue "user:1": connection refused');
    expect(String(error)).toBe('CacheError: [redis] getValue "user:1": connection refused');
    expect(error).toBeInstanceOf(Error);
  });

  it('omits the key from the message and the object if there is none', () => {
    const error = new CacheError(options);
    expect(error.message).toBe('[redis] getValue: connection refused');
    expect([Object.hasOwn(error, 'key'), Object.hasOwn(error, 'issues'), 'cause' in error]).toEqual([
      false,
      false,
      false,
    ]);
    expect(Object.keys(error)).toEqual(['code', 'backend', 'operation', 'retryable', 'maybeApplied']);
  });

  it('cuts the key at 64 characters in the message and keeps it whole in the property', () => {
    const key = 'k'.repeat(65);
    expect(new CacheError({ ...options, key: 'k'.repeat(64) }).message).toContain(`"${'k'.repeat(64)}":`);
    const error = new CacheError({ ...options, key });
    expect(error.message).toContain(`"${'k'.repeat(64)}"…:`);
    expect(error.key).toBe(key);
  });

  it('escapes what could rewrite a terminal or a log line', () => {
    const key = 'a\nb\u001b[31m\u007f\u0085\u200b\u202e\u2028\u2066\u2069\ufeff"';
    const { message } = new CacheError({ ...options, key });
    expect(message).toBe(
      '[redis] getValue "a\\nb\\u001b[31m\\u007f\\u0085\\u200b\\u202e\\u2028\\u2066\\u2069\\ufeff\\"": connection refused',
    );
  });

  it('stays well-formed when the cut goes through a surrogate pair', () => {
    expect(new CacheError({ ...options, key: `${'k'.repeat(63)}😀` }).message.isWellFormed()).toBe(true);
  });

  it('is retryable for a timeout and an unavailable server, and nothing else', () => {
    const retryable = (code: CacheError['code']) => new CacheError({ ...options, code }).retryable;
    expect(['TIMEOUT', 'UNAVAILABLE'].map((code) => retryable(code as CacheError['code']))).toEqual([true, true]);
    for (const code of ['AUTH', 'BACKEND', 'CLOSED', 'TOO_LARGE', 'INVALID_KEY', 'CORRUPT'] as const) {
      expect(retryable(code)).toBe(false);
    }
    expect(new CacheError({ ...options, code: 'BACKEND', retryable: true }).retryable).toBe(true);
    expect(new CacheError({ ...options, retryable: false }).retryable).toBe(false);
  });

  it('says that a write may have been applied only if it is told so', () => {
    for (const code of ['TIMEOUT', 'UNAVAILABLE', 'BACKEND', 'CLOSED'] as const) {
      expect(new CacheError({ ...options, code }).maybeApplied).toBe(false);
      expect(new CacheError({ ...options, code, maybeApplied: true }).maybeApplied).toBe(true);
    }
  });

  it('shows the issues of a validator only through the property', () => {
    const error = new CacheError({ ...options, code: 'TYPE_MISMATCH', issues: [{ message: 'got s3cret' }] });
    expect(error.issues).toEqual([{ message: 'got s3cret' }]);
    expect(inspect(error, { depth: 9 }) + JSON.stringify(error) + String(error)).not.toContain('s3cret');
  });

  it('can be renamed by a wrapper and keeps everything else', () => {
    const cause = createCause({ name: 'ReplyError', code: 'OOM', message: 'out of memory' });
    const issues = [{ message: 'no' }];
    const error = new CacheError({ ...options, key: 'ns:k', cause, issues, retryable: false, maybeApplied: true });
    const renamed = error.with({ key: 'k' });
    expect(renamed).toMatchObject({ ...error, key: 'k' });
    expect(renamed.message).toBe('[redis] getValue "k": connection refused');
    expect(renamed.cause).toBe(cause);
    expect(renamed.issues).toBe(issues);
  });
});

describe('isCacheError', () => {
  it('recognises an error of another copy of this package by its brand', () => {
    const foreign = Object.create({ [Symbol.for('ninefold.CacheError')]: true });
    expect(isCacheError(foreign)).toBe(true);
    expect(isCacheError(new CacheError(options))).toBe(true);
  });

  it('recognises nothing else', () => {
    for (const thing of [undefined, null, 'CacheError', 1, {}, new Error('CacheError'), { code: 'TIMEOUT' }]) {
      expect(isCacheError(thing)).toBe(false);
    }
  });
});

describe('a cause', () => {
  it('is a name, a code and a message, and nothing of the error it stands for', () => {
    const cause = createCause({ name: 'ReplyError', code: 'OOM', message: 'out of memory' });
    expect(cause).toMatchObject({ name: 'ReplyError', code: 'OOM', message: 'out of memory' });
    expect(cause.stack).toBe('ReplyError: out of memory');
    expect(Object.keys(createCause({})).includes('code')).toBe(false);
    expect(createCause({}).name).toBe('Error');
  });

  it('of an unknown error is its name and its frames, without its message', () => {
    const secret = new SyntaxError('Unexpected token s3cret\n    at s3cret (not a place)');
    const cause = causeOf(secret);
    expect(cause.name).toBe('SyntaxError');
    expect(cause.stack).toMatch(/^SyntaxError\n\s+at .*errors\.test\.ts:\d+:\d+/);
    expect(inspect(cause)).not.toContain('s3cret');
  });

  it('keeps no line of a message, whatever it looks like', () => {
    const forged = new SyntaxError('Unexpected token\n    at s3cret (file:1:1)\n    at s3cret:2:2');
    const reworded = new Error('x\n    at s3cret:1:1');
    // V8 formats the stack when it is first read.
    expect(reworded.stack).toContain('s3cret');
    reworded.message = '';
    const shortened = new Error('x\ns3cret');
    expect(shortened.stack).toContain('s3cret');
    shortened.message = 'x';
    for (const error of [forged, reworded, shortened]) expect(inspect(causeOf(error))).not.toContain('s3cret');
    expect(causeOf(forged).stack).toMatch(/errors\.test\.ts:\d+:\d+/);
    expect(causeOf(reworded).stack).toBe('Error');
  });

  it('has no frames if the stack or the message is no text', () => {
    for (const changes of [{ stack: undefined }, { stack: [] }, { message: Symbol('x') }]) {
      expect(causeOf(Object.assign(new Error('x'), changes)).stack).toBe('Error');
    }
    const text = 'a\n    at s3cret:1:1';
    expect(causeOf(Object.assign(new Error(text), { message: [text] })).stack).toBe('Error');
    for (const thing of ['x', undefined, null, { message: 'x', stack: 'x\n    at s3cret:1:1' }]) {
      expect(causeOf(thing).stack).toBe(nameOf(thing));
    }
  });

  it('has no frames if reading the stack or the message throws, as a broken prepareStackTrace does', () => {
    for (const property of ['stack', 'message']) {
      const error = Object.defineProperty(new Error('x'), property, {
        get: () => {
          throw new TypeError('no');
        },
      });
      expect(causeOf(error).stack).toBe('Error');
    }
  });

  it('has a harmless name whatever was thrown', () => {
    expect(nameOf('s3cret')).toBe('string');
    expect(nameOf(undefined)).toBe('undefined');
    expect(nameOf(Object.assign(new Error('x'), { name: 'the value was s3cret' }))).toBe('Error');
    expect(nameOf(Object.assign(new Error('x'), { name: 5 }))).toBe('Error');
    expect(nameOf(Object.assign(new Error('x'), { name: 'n'.repeat(65) }))).toBe('Error');
  });
});
