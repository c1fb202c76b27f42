/**
 * What a change of an amount comes from, where the amount is a product: clicks times conversions per click times amount per
 * conversion. Changed one after the other, the factors share the change in a way that depends on their order; here each counts
 * with the mean over all orders, so that none is preferred. Amounts are whole numbers of millionths, and what rounding leaves
 * is in the last factor: the parts always add up.
 */
type Pair = readonly [before: bigint, after: bigint];

/** What the quantity does to an amount of so many at a price. Without a quantity on one side there is no price: it does all. */
export function firstOfTwo([v0, v1]: Pair, [x0, x1]: Pair): bigint {
  if (v0 === 0n || v1 === 0n) return x1 - x0;
  return divide((v1 - v0) * (x0 * v1 + x1 * v0), 2n * v0 * v1);
}

/** What clicks do to an amount that is paid per conversion. Without clicks on one side, it is what conversions do. */
export function firstOfThree([v0, v1]: Pair, [n0, n1]: Pair, [x0, x1]: Pair): bigint {
  if (v0 === 0n || v1 === 0n) return n0 === 0n || n1 === 0n ? x1 - x0 : firstOfTwo([n0, n1], [x0, x1]);
  // An amount without a conversion is a bonus or a correction: a price.
  if (n0 === 0n && n1 === 0n) return 0n;
  if (n0 === 0n) return divide((v1 - v0) * x1, 2n * v1);
  if (n1 === 0n) return divide((v1 - v0) * x0, 2n * v0);
  return divide(
    (v1 - v0) * (2n * x0 * v1 * n0 * n1 + n1 * n1 * x0 * v0 + n0 * n0 * x1 * v1 + 2n * x1 * v0 * n0 * n1),
    6n * v0 * v1 * n0 * n1,
  );
}

/** What conversions per click do to it. */
export function secondOfThree([v0, v1]: Pair, [n0, n1]: Pair, [x0, x1]: Pair): bigint {
  if (v0 === 0n || v1 === 0n || (n0 === 0n && n1 === 0n)) return 0n;
  if (n0 === 0n) return x1 - firstOfThree([v0, v1], [n0, n1], [x0, x1]);
  if (n1 === 0n) return -x0 - firstOfThree([v0, v1], [n0, n1], [x0, x1]);
  return divide((n1 * v0 - n0 * v1) * ((2n * v0 + v1) * x0 * n1 + (v0 + 2n * v1) * x1 * n0), 6n * v0 * v1 * n0 * n1);
}

/**
 * Rounds shares to whole units so that their sum is `whole`: each down, and what is left goes to those that lost most by it,
 * the first of equals first. `unit`: how much of a share one is.
 */
export function shareOut(shares: readonly bigint[], unit: bigint, whole: bigint): bigint[] {
  const floors = shares.map((share) => floor(share, unit));
  const left = whole - floors.reduce((sum, one) => sum + one, 0n);
  if (left < 0n || left > BigInt(shares.length)) throw new RangeError("the shares are not those of this sum");
  // To nine places, as SQL compares them.
  const lost = shares.map((share, place) => divide((share - (floors[place] ?? 0n) * unit) * 1_000_000_000n, unit));
  const order = shares
    .map((_, place) => place)
    .sort((one, other) => Number((lost[other] ?? 0n) - (lost[one] ?? 0n)) || one - other);
  const more = new Set(order.slice(0, Number(left)));
  return floors.map((one, place) => (more.has(place) ? one + 1n : one));
}

function floor(share: bigint, unit: bigint): bigint {
  const quotient = share / unit;
  return share < 0n && quotient * unit !== share ? quotient - 1n : quotient;
}

/** Half away from zero, as Postgres rounds. */
function divide(share: bigint, by: bigint): bigint {
  const isNegative = share < 0n !== by < 0n;
  const [top, bottom] = [share < 0n ? -share : share, by < 0n ? -by : by];
  const rounded = (2n * top + bottom) / (2n * bottom);
  return isNegative ? -rounded : rounded;
}
