/**
 * Where a secret comes out on purpose, and why. A test looks at each: its secret must be there, and no other kind. All
 * that is not here must show none.
 */
export const OUTLETS = {
  'stdout of imsvault token': 'printing the token is what the command is for',
  'environment of what exec runs': 'the program gets the token in a variable',
  'token file of exec': 'or in a file for its user alone, gone with the program',
  'cache file': 'further processes of this user take the token from it; 0600',
  'token document': 'the fleet shares the token in the store',
  'sink of the agent': 'a file for programs that read one; 0600 unless the config says otherwise',
  "the agent's /v1/token": 'clients with the agent’s access token get the token',
  "the agent's token file": 'whoever may read it may ask; 0600',
  'secret of a rotation': 'the new client secret is stored where the old one was',
  'answer of imsvault/aio': 'the function returns the token, as the one that it replaces',
  'Authorization of imsvault/http': 'the API gets the token',
  'request to IMS': 'IMS gets the client secret, in the body of the request',
} as const;

export type Outlet = keyof typeof OUTLETS;
