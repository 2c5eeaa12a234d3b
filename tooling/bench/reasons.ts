/**
 * Why a target is missed, or a peer at the same work is ahead by more than 10 %, where that is known: by the title of the
 * section and the name of the contest. The page shows a reason only beside a figure that needs one.
 */
export const reasons: Readonly<Record<string, string>> = {
  'Size: bundled, minified and gzipped: KB of core without superjson':
    'half of it is the serializer, which superjson does not spare: what tells every kind of value that is kept from one that is not, across realms, and reads hostile texts within bounds; the words of its errors are another part. Nothing is left out to be smaller.',
};
