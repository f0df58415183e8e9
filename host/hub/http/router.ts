import type { HubRoute } from './context.ts';

export interface Found {
  readonly route: HubRoute;
  readonly parameters: readonly string[];
}

export interface HubRouter {
  find(method: string, segments: readonly string[]): Found | undefined;
  /** Methods of a path, where it is one. */
  methods(segments: readonly string[]): readonly string[];
}

/** The first pattern that fits has a path. HEAD is answered by whatever answers GET, unless it has a route of its own. */
export function createHubRouter(routes: readonly HubRoute[]): HubRouter {
  const table = routes.map((route) => ({ route, wanted: route.pattern.slice(1).split('/') }));

  function find(method: string, segments: readonly string[]): Found | undefined {
    for (const { route, wanted } of table) {
      if (route.method !== method) continue;
      const parameters = match(wanted, segments);
      if (parameters !== undefined) return { route, parameters };
    }
    return method === 'HEAD' ? find('GET', segments) : undefined;
  }

  return {
    find,
    methods(segments) {
      const own = table.filter(({ wanted }) => match(wanted, segments) !== undefined).map(({ route }) => route.method);
      return [...new Set(own.includes('GET') ? [...own, 'HEAD'] : own)];
    },
  };
}

function match(wanted: readonly string[], segments: readonly string[]): readonly string[] | undefined {
  const hasRest = wanted.at(-1) === '*';
  if (hasRest ? segments.length < wanted.length : segments.length !== wanted.length) return undefined;
  const parameters: string[] = [];
  for (const [index, pattern] of wanted.entries()) {
    if (pattern === '*') return [...parameters, segments.slice(index).join('/')];
    const segment = segments[index];
    if (pattern === ':' && segment !== undefined && segment !== '') parameters.push(segment);
    else if (pattern !== segment) return undefined;
  }
  return parameters;
}
