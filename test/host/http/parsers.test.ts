import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mediaType } from '../../../host/http/body.ts';
import { HttpError } from '../../../host/http/errors.ts';
import { hexParameter, queryValue } from '../../../host/http/parameters.ts';
import { createRouter, decodeSegment, pathOf } from '../../../host/http/router.ts';

const handler = async (): Promise<void> => undefined;
const find = createRouter([
  { method: 'POST', pattern: '/v2/models/:/infer', handler },
  { method: 'POST', pattern: '/v2/models/:/versions/:/infer', handler },
  { method: 'GET', pattern: '/v1/responses/:', handler },
]);

function ask(method: string, url: string): readonly string[] | undefined {
  return find({ method, url } as IncomingMessage)?.parameters;
}

describe('the router', () => {
  it.each([
    ['POST', '/v2/models/a/infer', ['a']],
    ['POST', '/v2/models/a/infer?x=/v2', ['a']],
    ['POST', '/v2/models/a/infer#x', ['a']],
    ['POST', 'http://h:1/v2/models/a/infer?x', ['a']],
    ['POST', 'HTTPS://h/v2/models/a/infer', ['a']],
    ['POST', '/v2/models/:/infer', [':']],
    ['POST', '/v2/models/a%2Fb/infer', ['a%2Fb']],
    ['POST', '/v2/models/a/versions/b/infer', ['a', 'b']],
    ['GET', '/v1/responses/x', ['x']],
    ['GET', '/v2/models/a/infer', undefined],
    ['HEAD', '/v1/responses/x', undefined],
    ['POST', '/v2/models//infer', undefined],
    ['POST', '/v2/models/a/infer/', undefined],
    ['POST', '//v2/models/a/infer', undefined],
    ['POST', '/v2/Models/a/infer', undefined],
    ['POST', '/v2/models/a/b/infer', undefined],
    ['POST', 'http://h', undefined],
    ['POST', '*', undefined],
    ['POST', 'v2/models/a/infer', undefined],
    ['post', '/v2/models/a/infer', undefined],
  ])('%s %s', (method, url, expected) => {
    expect(ask(method, url)).toEqual(expected);
  });

  it('takes any text, and hands on what stands between the slashes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (url) => {
        const path = pathOf(url);
        expect(path).not.toMatch(/[?#]/);
        expect(ask('POST', url) === undefined || path.startsWith('/v2/models/')).toBe(true);
      }),
    );
    const segment = fc.string({ minLength: 1 }).filter((text) => !/[/?#]/.test(text));
    fc.assert(
      fc.property(segment, segment, (model, version) => {
        expect(ask('POST', `/v2/models/${model}/versions/${version}/infer`)).toEqual([model, version]);
        const value = Buffer.from(model).toString();
        expect(decodeSegment(encodeURIComponent(value))).toBe(value);
      }),
    );
  });

  it('refuses what is encoded wrongly, and nothing else goes wrong', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('%', 'f', '0', '8', 'C', 'a', '€', '\ud800') }), (text) => {
        try {
          decodeSegment(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'request_invalid' });
        }
      }),
    );
  });
});

describe('queries', () => {
  it.each([
    ['/x', undefined],
    ['/x?', undefined],
    ['/x?log', ''],
    ['/x?log=', ''],
    ['/x?log=a', 'a'],
    ['/x?other=b&log=a%20b', 'a b'],
    ['/x?log[]=a', undefined],
    ['/x?__proto__=a', undefined],
    ['/x?a=?log=b', undefined],
  ])('%s', (url, expected) => {
    expect(queryValue({ url }, 'log')).toBe(expected);
  });

  it.each(['/x?log=a&log=b', '/x?log=a&log=a', '/x?log&log', '/x?log=a&l%6Fg=b'])('%s says it twice', (url) => {
    expect(() => queryValue({ url }, 'log')).toThrow(HttpError);
  });

  it('are read without an accident, and what is no hex is refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (query) => {
        try {
          hexParameter(queryValue({ url: `/x?${query}` }, 'log'), 4);
        } catch (error) {
          expect(error).toMatchObject({ code: 'request_invalid' });
        }
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
        const url = `/x?a=b&log=${Buffer.from(bytes).toString('hex')}`;
        expect(hexParameter(queryValue({ url }, 'log'), 4)).toEqual(new Uint8Array(bytes));
      }),
    );
  });
});

describe('media types', () => {
  it.each([
    [undefined, ''],
    ['Application/JSON', 'application/json'],
    [' application/json ; charset=utf-8', 'application/json'],
    [';', ''],
  ])('%j', (value, expected) => {
    const headers = value === undefined ? {} : { 'content-type': value };
    expect(mediaType({ headers } as IncomingMessage)).toBe(expected);
  });
});
