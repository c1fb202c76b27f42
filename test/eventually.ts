/** For tests only: resolves as soon as the assertions hold; after a while with what they said last. */
export async function eventually(assertions: () => void | Promise<void>, withinMs = 15_000): Promise<void> {
  for (const end = Date.now() + withinMs; ;) {
    try {
      return await assertions();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
