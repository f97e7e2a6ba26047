-- Invitations and the history of people belong to an organization, and nobody sees another's.

SELECT ebbtide_protect('accounts_invitation');
SELECT ebbtide_protect('accounts_peoplechange');
