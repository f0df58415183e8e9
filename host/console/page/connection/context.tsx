import { type ComponentChildren, type Context, createContext, type VNode } from 'preact';
import { useContext, useMemo, useState } from 'preact/hooks';
import { type Client, createClient } from '../../../../client/client.ts';
import type { HostTransport } from '../../../../client/transport.ts';
import { webSuite } from '../../../../wire/crypto/web.ts';
import { askChain, hostTransport, hubTransport } from './ask.ts';
import { type ChainReader, createChainReader } from './chain.ts';
import { MissingContextError } from './errors.ts';
import { dropPolicy, keepPolicy, noPolicy, type PolicyState, policyFrom, type TextStore } from './policy.ts';
import type { ConsoleSettings } from './settings.ts';

/** What the page is connected to. */
export interface Connection {
  readonly servedBy: ConsoleSettings['servedBy'];
  readonly settings: ConsoleSettings;
  readonly transport: HostTransport;
  readonly chain: ChainReader | undefined;
  /** A hub that the user named, as GETs with a limit. */
  readonly hub: HostTransport | undefined;
  readonly now: () => number;
}

interface Held {
  readonly connection: Connection;
  readonly policy: PolicyState;
  readonly client: () => Client | undefined;
  readonly choosePolicy: (text: string) => void;
  readonly forgetPolicy: () => void;
}

const HeldContext: Context<Held | undefined> = createContext<Held | undefined>(undefined);

export interface ConnectionProviderProps {
  readonly settings: ConsoleSettings;
  /** The text of the policy that the user named when starting the console. */
  readonly served: string | undefined;
  readonly first: PolicyState;
  readonly store: TextStore;
  readonly children: ComponentChildren;
}

export function ConnectionProvider({ settings, served, first, store, children }: ConnectionProviderProps): VNode {
  const connection = useMemo<Connection>(
    () => ({
      servedBy: settings.servedBy,
      settings,
      transport: hostTransport(settings),
      chain: settings.chain ? createChainReader(askChain) : undefined,
      hub: settings.hub === true ? hubTransport() : undefined,
      now: () => Date.now(),
    }),
    [settings],
  );
  const [policy, setPolicy] = useState(first);
  // One client for all views: they share its session and what it remembers of statuses and heads.
  const client = useMemo(() => lazily(() => clientOf(connection, policy)), [connection, policy]);
  const held: Held = {
    connection,
    policy,
    client,
    choosePolicy: (text) => setPolicy(keepPolicy(text, store)),
    forgetPolicy: () => {
      dropPolicy(store);
      setPolicy(served === undefined ? noPolicy : policyFrom(served, 'user package'));
    },
  };
  return <HeldContext.Provider value={held}>{children}</HeldContext.Provider>;
}

function clientOf({ transport, now }: Connection, policy: PolicyState): Client | undefined {
  if (policy.kind === 'none') return undefined;
  return createClient({ host: transport, policy: policy.policy, suite: webSuite, now });
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function useHeld(): Held {
  const held = useContext(HeldContext);
  if (held === undefined) throw new MissingContextError();
  return held;
}

export function useConnection(): Connection {
  return useHeld().connection;
}

export function usePolicy(): PolicyState {
  return useHeld().policy;
}

/** `choosePolicy` throws a `VerifierError` where the text is no policy, and changes nothing then. */
export function usePolicyActions(): Pick<Held, 'choosePolicy' | 'forgetPolicy'> {
  const { choosePolicy, forgetPolicy } = useHeld();
  return { choosePolicy, forgetPolicy };
}

/** The client that all views share; undefined until a policy is chosen, because nothing is accepted without one. */
export function useClient(): Client | undefined {
  return useHeld().client();
}
