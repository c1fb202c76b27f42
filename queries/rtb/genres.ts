/**
 * The genres of a client with one spelling each, `genres(key, spelling)` by what `client` stands for: people and settings write
 * Casino and casino, which is one genre. Shown is the spelling that most campaigns have.
 */
export const spelledGenres = (client: string) =>
  `(select distinct on (lower(genre)) lower(genre) as key, genre as spelling from rtb.campaigns
     where _client_id = ${client} and genre is not null group by genre order by lower(genre), count(*) desc, genre collate "C") genres`;
