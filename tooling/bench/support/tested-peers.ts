import type { Contest, Entrant, Work } from './harness.ts';
import { lacksOf, type Peer, type Traits, traitsOf, working } from './peer.ts';

/** The peers of a comparison, ours first, with their traits. */
export interface TestedPeers {
  readonly peers: readonly Peer[];
  readonly traits: ReadonlyMap<Peer, Traits>;
}

/** Tests the traits of all peers at once, because some of the tests wait. */
export async function testPeers(peers: readonly Peer[]): Promise<TestedPeers> {
  const traits = await Promise.all(peers.map(traitsOf));
  return withTraits(peers, traits);
}

/** The same peers at another address, with traits that have been tested already. */
export function withTraits(peers: readonly Peer[], traits: readonly Traits[]): TestedPeers {
  const pairs = peers.map((peer, index) => {
    const tried = traits[index] as Traits;
    return [working(peer, tried), tried] as const;
  });
  return { peers: pairs.map(([peer]) => peer), traits: new Map(pairs) };
}

/** A contest between the peers that can do the work. */
export function contestOf(
  name: string,
  tested: TestedPeers,
  workOf: (peer: Peer) => Work,
  options: {
    readonly per?: number;
    readonly can?: (peer: Peer, traits: Traits) => boolean;
    readonly lacks?: (peer: Peer) => readonly string[];
  },
): Contest {
  const { per = 1, can = () => true, lacks = () => [] } = options;
  const [ours, ...others] = capable(tested, can).map(
    (peer): Entrant => ({
      name: peer.name,
      role: peer.role,
      lacks: [...lacksOf(tested.traits.get(peer) as Traits), ...lacks(peer)],
      work: workOf(peer),
    }),
  );
  if (ours?.role !== 'ours') throw new Error(`${name}: the first peer must be ours`);
  return { name, ours: ours.work, others, per };
}

/** The peers that can do the work. */
export function capable({ peers, traits }: TestedPeers, can: (peer: Peer, traits: Traits) => boolean): Peer[] {
  return peers.filter((peer) => can(peer, traits.get(peer) as Traits));
}
