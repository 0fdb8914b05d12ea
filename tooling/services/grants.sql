-- The user of the tests, only on databases of the tests: with all rights it could write to a replica.
CREATE USER 'si'@'%' IDENTIFIED BY 'si';
GRANT ALL ON `si\_%`.* TO 'si'@'%';
