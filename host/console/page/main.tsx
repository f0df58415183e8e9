import { render } from 'preact';
import { App } from './app.tsx';
import { askPolicy, askSettings } from './connection/ask.ts';
import { ConnectionProvider } from './connection/context.tsx';
import { browserStore, firstPolicy } from './connection/policy.ts';
import { explain } from './parts/explain.ts';
import { applyTheme, firstTheme } from './theme.ts';

async function start(place: HTMLElement): Promise<void> {
  const store = browserStore(() => localStorage);
  applyTheme(firstTheme(store), store);
  try {
    const settings = await askSettings();
    const served = settings.policy ? await askPolicy() : undefined;
    const first = firstPolicy(served, store);
    render(
      <ConnectionProvider settings={settings} served={served} first={first} store={store}>
        <App store={store} />
      </ConnectionProvider>,
      place,
    );
  } catch (error) {
    const { code, message } = explain(error);
    render(
      <main>
        <h1>The console did not start</h1>
        <p class="problem" role="alert">
          <code>{code}</code> {message}
        </p>
      </main>,
      place,
    );
  }
}

const place = document.getElementById('app');
if (place !== null) void start(place);
