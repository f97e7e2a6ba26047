-- The three roles of Ebbtide and its database, on PostgreSQL 15 or later; run once, as a superuser:
--     psql -d postgres -f roles.sql
-- then give each role a password with \password ebbtide_owner, \password ebbtide_web, \password ebbtide_sweep.
-- A blank line ends each statement: the embedded server reads this file in single-user mode, which needs it.

-- Owns the database, hence (through pg_database_owner) the schema public; runs migrations and owns the tables.
CREATE ROLE ebbtide_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;

-- Serves the web pages.
CREATE ROLE ebbtide_web LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;

-- Runs the nights.
CREATE ROLE ebbtide_sweep LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;

CREATE DATABASE ebbtide OWNER ebbtide_owner ENCODING 'UTF8' TEMPLATE template0;

REVOKE ALL ON DATABASE ebbtide FROM PUBLIC;

-- TEMPORARY: rows are staged in temporary tables, because COPY is refused under row-level security.
GRANT CONNECT, TEMPORARY ON DATABASE ebbtide TO ebbtide_web, ebbtide_sweep;
