import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useConnection } from './connection/context.tsx';
import type { TextStore } from './connection/policy.ts';
import { hrefOf, parseRoute, type Route, type ViewName } from './routes.ts';
import { applyTheme, firstTheme, type Theme, themes } from './theme.ts';
import { AuditView } from './views/audit/index.tsx';
import { ModelsView } from './views/models/index.tsx';
import { OverviewView } from './views/overview/index.tsx';
import { PlayView } from './views/play/index.tsx';
import { ReceiptsView } from './views/receipts/index.tsx';
import { WorkersView } from './views/workers/index.tsx';

interface Place {
  readonly title: string;
  readonly route: Route;
}

const PLACES: readonly Place[] = [
  { title: 'Overview', route: { view: 'overview' } },
  { title: 'Workers', route: { view: 'workers', log: undefined } },
  { title: 'Models', route: { view: 'models', modelId: undefined } },
  { title: 'Receipts', route: { view: 'receipts', requestId: undefined } },
  { title: 'Audit', route: { view: 'audit' } },
];

const TITLES: Readonly<Record<ViewName, string>> = {
  overview: 'Overview',
  workers: 'Workers',
  models: 'Models',
  play: 'Playground',
  receipts: 'Receipts and settlement',
  audit: 'Audit',
};

export function App({ store }: { readonly store: TextStore }): VNode {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  const heading = useRef<HTMLHeadingElement>(null);
  const [moved, setMoved] = useState<'moved' | 'first'>('first');

  useEffect(() => {
    const follow = (): void => {
      setRoute(parseRoute(location.hash));
      setMoved('moved');
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  const title = TITLES[route.view];
  useEffect(() => {
    document.title = `${title} · Proofmark console`;
    // Whoever walks by keyboard or hears the page is where the new view begins; the first view begins where pages do.
    if (moved === 'moved') heading.current?.focus();
  }, [route, title, moved]);

  return (
    <>
      <button type="button" class="skip" onClick={() => heading.current?.focus()}>
        Skip to the content
      </button>
      <Top route={route} store={store} />
      <main>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        <View route={route} />
      </main>
      <Foot />
    </>
  );
}

function Top({ route, store }: { readonly route: Route; readonly store: TextStore }): VNode {
  const shown = route.view === 'play' ? 'models' : route.view;
  return (
    <header class="top">
      <Origin />
      <div class="top-row">
        <a class="brand" href="#/overview">
          Proofmark
        </a>
        <nav aria-label="Views">
          <ul>
            {PLACES.map(({ title, route: place }) => (
              <li key={title}>
                <a href={hrefOf(place)} {...(shown === place.view ? { 'aria-current': 'page' as const } : {})}>
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <ThemeSwitch store={store} />
      </div>
    </header>
  );
}

/** Whose code this is stands above everything, because everything below is worth as much as that. */
function Origin(): VNode {
  const { servedBy, settings } = useConnection();
  if (servedBy === 'package') {
    return (
      <p class="origin package">
        Checked by your own package. Connected to <code>{settings.target}</code>
      </p>
    );
  }
  return (
    <p class="origin host" role="note">
      <strong>Checked by code this host sent.</strong> A host that lies can send code that lies for it. Check with your
      own: <code>npx proofmark console --connect {location.origin}</code>
    </p>
  );
}

const THEME_WORDS: Readonly<Record<Theme, string>> = { system: 'as the system', light: 'light', dark: 'dark' };

function ThemeSwitch({ store }: { readonly store: TextStore }): VNode {
  const [theme, setTheme] = useState(() => firstTheme(store));
  return (
    <label class="theme">
      <span class="visually-hidden">Colours</span>
      <select
        value={theme}
        onChange={({ currentTarget }) => {
          const chosen = themes.find((known) => known === currentTarget.value) ?? 'system';
          applyTheme(chosen, store);
          setTheme(chosen);
        }}
      >
        {themes.map((known) => (
          <option key={known} value={known}>
            {THEME_WORDS[known]}
          </option>
        ))}
      </select>
    </label>
  );
}

function View({ route }: { readonly route: Route }): VNode {
  switch (route.view) {
    case 'overview':
      return <OverviewView />;
    case 'workers':
      return <WorkersView log={route.log} />;
    case 'models':
      return <ModelsView modelId={route.modelId} />;
    case 'play':
      return <PlayView modelId={route.modelId} />;
    case 'receipts':
      return <ReceiptsView requestId={route.requestId} />;
    case 'audit':
      return <AuditView />;
  }
}

function Foot(): VNode {
  const { settings } = useConnection();
  return (
    <footer>
      <p>
        Console of proofmark {settings.version}, files <code>sha256:{settings.digest}</code>
        {settings.servedBy === 'host' ? ', as this host says' : ', as proofmark console printed it'}
      </p>
    </footer>
  );
}
