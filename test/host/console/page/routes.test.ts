import { describe, expect, it } from 'vitest';
import { hrefOf, parseRoute } from '../../../../host/console/page/routes.ts';

const ID = 'ab'.repeat(32);

describe('routes of the console', () => {
  it.each([
    '#/overview',
    '#/workers',
    `#/workers/${ID}`,
    '#/models',
    `#/models/${ID}`,
    `#/play/${ID}`,
    '#/receipts',
    `#/receipts/${ID}`,
    '#/audit',
  ])('%s leads to itself', (hash) => {
    expect(hrefOf(parseRoute(hash))).toBe(hash);
  });

  it.each([
    ['', '#/overview'],
    ['#', '#/overview'],
    ['#/nowhere', '#/overview'],
    ['#/__proto__', '#/overview'],
    ['#/workers/short', '#/workers'],
    [`#/workers/${ID.toUpperCase()}`, '#/workers'],
    [`#/workers/${ID}/more`, '#/workers'],
    ['#/play', '#/models'],
    ['#/play/<script>', '#/models'],
  ])('%s leads to %s', (hash, to) => {
    expect(hrefOf(parseRoute(hash))).toBe(to);
  });
});
