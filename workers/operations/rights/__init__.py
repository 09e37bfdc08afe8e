"""Who may do what: the rights that each command needs, the roles that have them, and what to say of a refusal.

Begin with `roles.ROLES`. The files in `docs/acl` and the table in `docs/security.md` are compared with it.
"""
