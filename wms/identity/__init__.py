"""Identity: who sits at a desk, what they may do, what they did, and who must agree to it.

roles       what each role may do                                    pure
caller      who comes with a request, how far they reach
accounts    people of the office, and their rights
sessions    their sessions: a cookie, kept as a hash
passwords   the way in of a house without a provider of identities
oidc        the way in of a house with one
audit       what was done that is no movement
seconds     what needs the word of a second person

People at handhelds come with badge and PIN (wms.people), systems with keys (wms.access).
"""
