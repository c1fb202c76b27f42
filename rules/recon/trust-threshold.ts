/** An affiliate whose trust falls below this needs a person. Decimal text, as trust itself is. */
export const trustAlertBelow = "0.70";
