/**
 * Why a target is missed, or a peer at the same work is ahead by more than 10 %, where that is known: by the title of the
 * section and the name of the contest. The page shows a reason only beside a figure that needs one.
 */
export const reasons: Readonly<Record<string, string>> = {};
