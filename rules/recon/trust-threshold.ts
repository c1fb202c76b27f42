/** An affiliate whose trust falls below this is somebody's to look at. Decimal text, as trust itself is. */
export const trustAlertBelow = "0.70";
