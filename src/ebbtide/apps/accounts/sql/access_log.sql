-- Who saw and took what: of one organization, added to by its pages and tasks, changed and removed by nobody.

SELECT ebbtide_protect('accounts_dataaccess');
