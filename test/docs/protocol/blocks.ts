import type { Blocks } from '../markers.ts';
import { checkBlocks } from './checks.ts';
import { commitmentBlocks } from './commitment.ts';
import { hubBlocks } from './hub.ts';
import { layoutBlocks } from './layouts.ts';
import { nameBlocks } from './names.ts';
import { routeBlocks } from './routes.ts';

export const protocolBlocks: Blocks = {
  ...layoutBlocks,
  ...nameBlocks,
  ...routeBlocks,
  ...hubBlocks,
  ...checkBlocks,
  ...commitmentBlocks,
};
