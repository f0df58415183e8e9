/** What the part of the address behind `#` means. Whoever follows a link of somebody else's gets a page of this list or the first. */
export type Route =
  | { readonly view: 'overview' }
  | { readonly view: 'workers'; readonly log: string | undefined }
  | { readonly view: 'models'; readonly modelId: string | undefined }
  | { readonly view: 'play'; readonly modelId: string }
  | { readonly view: 'receipts'; readonly requestId: string | undefined }
  | { readonly view: 'audit' };

export type ViewName = Route['view'];

const ID = /^[0-9a-f]{64}$/;

export function parseRoute(hash: string): Route {
  const [view = '', id, ...rest] = hash.replace(/^#\/?/, '').split('/');
  const named = rest.length === 0 && id !== undefined && ID.test(id) ? id : undefined;
  switch (view) {
    case 'workers':
      return { view, log: named };
    case 'models':
      return { view, modelId: named };
    case 'play':
      return named === undefined ? { view: 'models', modelId: undefined } : { view, modelId: named };
    case 'receipts':
      return { view, requestId: named };
    case 'audit':
      return { view };
    default:
      return { view: 'overview' };
  }
}

export function hrefOf(route: Route): string {
  const id = idOf(route);
  return id === undefined ? `#/${route.view}` : `#/${route.view}/${id}`;
}

function idOf(route: Route): string | undefined {
  switch (route.view) {
    case 'workers':
      return route.log;
    case 'models':
    case 'play':
      return route.modelId;
    case 'receipts':
      return route.requestId;
    case 'overview':
    case 'audit':
      return undefined;
  }
}
